"""Reader of FASTA files: a line that begins with ``>`` names a record, the lines up to the next are its sequence.

White space inside a sequence is dropped, as all programs do; old comment lines (``;``) are skipped. Upper
and lower case stay as they are: what lower case means here (masked, inserted, nothing) only the file's
author knows, so the check sets such rows aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sma_core.data.readers import no_rows, refuse_columns
from sma_core.data.records import RejectedRow, Row, row_or_rejected
from sma_core.data.streams import read_lines
from sma_core.errors import DataError
from sma_protein.readers import check_record_size

_WHITE_SPACE = b" \t\r\f\v"


def read_fasta(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Stream the sequences of ``path``. There are no columns to ask for."""
    refuse_columns(path, column, fields)
    number = 0
    for number, sequence in enumerate(_sequences(path), start=1):
        yield row_or_rejected(number, sequence.decode("utf-8", "surrogateescape"))
    if not number:
        raise no_rows(path)


def _sequences(path: Path) -> Iterator[bytes]:
    """Yield the joined lines of each record; `DataError` when text comes before the first ``>``."""
    parts: list[bytes] | None = None
    size = 0
    for line in read_lines(path):
        if line.startswith(b">"):
            if parts is not None:
                yield b"".join(parts)
            parts, size = [], 0
        elif line.startswith(b";") or not line.strip():
            continue
        elif parts is None:
            raise DataError(f"{path} is no FASTA file: its first line must begin with '>'")
        else:
            parts.append(line.translate(None, _WHITE_SPACE))
            size += len(parts[-1])
            check_record_size(path, size)
    if parts is not None:
        yield b"".join(parts)
