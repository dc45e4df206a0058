"""The core's own readers, one file each.

A reader is a function ``(path, column, fields, *, usual=()) -> Iterator[Row | RejectedRow]``:
``path`` may be compressed (see `sma_core.data.streams`); ``column`` names the column that holds the
input, or is None; ``fields`` names further columns whose values each row brings as text; ``usual``
lists names that are looked for when ``column`` is None. It streams, numbers every data row from 1,
and yields a `RejectedRow` for a row it cannot use. What spoils the whole file (not there, no such
column, no rows) is a `DataError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError


class Reader(Protocol):
    """The call that every reader answers; the module's text says what its arguments mean."""

    def __call__(
        self, path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
    ) -> Iterator[Row | RejectedRow]:
        """Stream the rows of ``path``."""
        ...


def no_rows(path: Path) -> DataError:
    """Return the error for a file that holds nothing to read."""
    return DataError(f"{path} holds no rows; give a file with at least one")


def refuse_columns(path: Path, column: str | None, fields: Sequence[str]) -> None:
    """Raise `DataError` when columns are asked of a format that has none."""
    asked = [name for name in (column, *fields) if name is not None]
    if asked:
        raise DataError(f"{path} has no columns, so no column {asked[0]!r}; use a .csv or .tsv file with a header")
