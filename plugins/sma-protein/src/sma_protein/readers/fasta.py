"""Reader of FASTA files: a header line starting with ``>``, followed by the lines of the sequence.

White space inside a sequence and comment lines (``;``) are skipped. Lower case is kept, because its meaning
(masked, inserted or none) depends on the file; the check rejects such rows.
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
    """Yield the sequences of ``path``; raise `DataError` if columns are requested."""
    refuse_columns(path, column, fields)
    number = 0
    for number, sequence in enumerate(_sequences(path), start=1):
        yield row_or_rejected(number, sequence.decode("utf-8", "surrogateescape"))
    if not number:
        raise no_rows(path)


def _sequences(path: Path) -> Iterator[bytes]:
    """Yield the sequence of each record; raise `DataError` if the first line is not a header."""
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
            raise DataError(f"{path} is not a FASTA file: its first line must start with '>'")
        else:
            parts.append(line.translate(None, _WHITE_SPACE))
            size += len(parts[-1])
            check_record_size(path, size)
    if parts is not None:
        yield b"".join(parts)
