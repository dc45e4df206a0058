"""Readers of the file formats of protein sequences, one file each.

All stream, take ``.gz`` and ``.zst``, number records from 1 and leave names and annotation out. A record
longer than `LONGEST_RECORD` is an error, so that memory stays bounded whatever a file holds.
"""

from __future__ import annotations

from pathlib import Path

from sma_core.errors import DataError

LONGEST_RECORD = 64 << 20
"""Bytes of the longest record that is read; the longest known protein has 45,000 residues."""


def check_record_size(path: Path, size: int) -> None:
    """Raise `DataError` when a record of so many bytes is more than can be meant."""
    if size > LONGEST_RECORD:
        raise DataError(
            f"{path} has a record of over {LONGEST_RECORD >> 20} MB, so it is hardly a file of proteins; "
            "check its format"
        )
