"""Reader of SMILES files: one molecule per line, optionally followed by white space and a name.

The first line is skipped as a header if its first word is ``smiles`` or ``canonical_smiles``, ignoring case;
neither is a valid SMILES. Rows are numbered from 1, without the header.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from sma_core.data.readers import no_rows, refuse_columns
from sma_core.data.records import RejectedRow, Row, row_or_rejected
from sma_core.data.streams import read_lines

_HEADERS = {b"smiles", b"canonical_smiles"}


def read_smi(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield the SMILES strings of ``path``; raise `DataError` if columns are requested."""
    refuse_columns(path, column, fields)
    lines = read_lines(path)
    first = next(lines, None)
    number = 0
    if first is not None and not _is_header(first):
        lines = chain([first], lines)
    for number, line in enumerate(lines, start=1):
        words = line.split(None, 1)
        yield row_or_rejected(number, words[0].decode("utf-8", "surrogateescape") if words else "")
    if not number:
        raise no_rows(path)


def _is_header(line: bytes) -> bool:
    words = line.split(None, 1)
    return bool(words) and words[0].lower() in _HEADERS
