"""Readers of FASTA files: a header line starting with ``>``, followed by the lines of the sequence.

White space inside a sequence and comment lines (``;``) are skipped. Lower case is kept, because its meaning
(masked, inserted or none) depends on the file; the check rejects such rows. Alignments (A2M, A3M) are read without
gaps. The name of a row is the first word of its header. A3M files may begin with comment lines (``#``).
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
_GAPS = b".-"


def read_fasta(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield the sequences of ``path``; raise `DataError` if columns are requested."""
    refuse_columns(path, column, fields)
    return _rows(path, _records(path))


def read_aligned(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield the sequences of an alignment without gaps, in upper case, since lower case only marks insertions."""
    refuse_columns(path, column, fields)
    return _rows(path, ((header, row.translate(None, _GAPS).upper()) for header, row in _records(path)))


def _rows(path: Path, records: Iterator[tuple[bytes, bytes]]) -> Iterator[Row | RejectedRow]:
    """Yield a row for each header and sequence, named by the first word of the header."""
    number = 0
    for number, (header, sequence) in enumerate(records, start=1):
        words = header.split(None, 1)
        yield row_or_rejected(number, _decoded(sequence), name=_decoded(words[0]) if words else "")
    if not number:
        raise no_rows(path)


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _records(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield header and sequence of each record; raise `DataError` if the first line is not a header."""
    parts: list[bytes] | None = None
    header = b""
    size = 0
    for line in read_lines(path):
        if line.startswith(b">"):
            if parts is not None:
                yield header, b"".join(parts)
            header, parts, size = line[1:].strip(), [], 0
        elif line.startswith(b";") or not line.strip() or (parts is None and line.startswith(b"#")):
            continue
        elif parts is None:
            raise DataError(f"{path} is not a FASTA file: its first line must start with '>'")
        else:
            parts.append(line.translate(None, _WHITE_SPACE))
            size += len(parts[-1])
            check_record_size(path, size)
    if parts is not None:
        yield header, b"".join(parts)
