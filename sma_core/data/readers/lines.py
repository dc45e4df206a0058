"""Read ``.txt``: one row per line, stripped of surrounding white space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sma_core.data.readers import no_rows, refuse_columns
from sma_core.data.records import RejectedRow, Row, row_or_rejected
from sma_core.data.streams import read_lines


def read_text(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield the lines of ``path``, numbered from 1; raises `DataError` when columns are requested."""
    refuse_columns(path, column, fields)
    number = 0
    for number, line in enumerate(read_lines(path), start=1):
        yield row_or_rejected(number, line.decode("utf-8", "surrogateescape"))
    if not number:
        raise no_rows(path)
