"""Readers of protein sequence files, one module per format.

All readers stream, accept ``.gz`` and ``.zst``, number records from 1 and skip names and annotation. A record
longer than `LONGEST_RECORD` is an error, so memory use is bounded.
"""

from __future__ import annotations

from pathlib import Path

from sma_core.errors import DataError

LONGEST_RECORD = 64 << 20
"""Maximum size of a record in bytes; the longest known protein has 45,000 residues."""


def check_record_size(path: Path, size: int) -> None:
    """Raise `DataError` if ``size`` exceeds `LONGEST_RECORD`."""
    if size > LONGEST_RECORD:
        raise DataError(
            f"{path} has a record of over {LONGEST_RECORD >> 20} MiB; check that it is a file of proteins"
        )
