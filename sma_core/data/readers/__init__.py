"""The readers of the core, one module each.

A reader is a function ``(path, column, fields, *, usual=()) -> Iterator[Row | RejectedRow]``:
``path`` may be compressed (see `sma_core.data.streams`); ``column`` names the input column, or is None; ``fields``
names further columns to return as text; ``usual`` lists names to look for when ``column`` is None. A reader
streams, numbers every data row from 1, and yields a `RejectedRow` for an unusable row. It raises `DataError` when
the whole file is unusable: missing, without the column, or without rows. A reader with the argument ``delimiter``,
``tree``, ``strip`` or ``blank_lines`` gets the setting of this name, such as ``data.delimiter``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError


class Reader(Protocol):
    """Signature of readers; the module docstring describes the arguments."""

    def __call__(
        self, path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
    ) -> Iterator[Row | RejectedRow]:
        """Yield the rows of ``path``."""
        ...


def no_rows(path: Path) -> DataError:
    """Return the error for a file without rows."""
    return DataError(f"{path} holds no rows; give a file with at least one")


def refuse_columns(path: Path, column: str | None, fields: Sequence[str]) -> None:
    """Raise `DataError` when columns are requested from a format without columns."""
    requested = [name for name in (column, *fields) if name is not None]
    if requested:
        raise DataError(
            f"{path} has no columns, so no column {requested[0]!r}; use a .csv or .tsv file with a header"
        )
