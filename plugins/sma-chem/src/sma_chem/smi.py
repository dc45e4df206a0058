"""Reader of SMILES files: on each line the molecule, then perhaps white space and a name.

Some programs write a header line. The first line is one when its first word is ``smiles`` (or
``canonical_smiles``) in any case: no molecule is written so. It is then skipped and not counted, as in
csv files; otherwise a row's number is its line's number.
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
    """Stream the molecules of ``path``. There are no columns to ask for."""
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
