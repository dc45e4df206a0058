"""Write a table of results chunk by chunk, in a format of the core or of a plugin.

Files are written atomically. All chunks of a table have the same columns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

from sma_core.errors import DataError, PluginError, UserError
from sma_core.feeds.rows import RowChunk
from sma_core.files import replacing
from sma_core.plugin_calls import errors_of, given
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import TableFormat
from sma_core.printable import printable
from sma_core.writers.formats.csv import CsvTable
from sma_core.writers.formats.writer import Columns, TableWriter

IDENTIFIER = "id"
"""Column of the names that a format without columns gives its rows."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters of cells that spreadsheets take for formulas."""


@contextmanager
def open_table(out: Path | None, registry: Registry) -> Iterator[TableWriter]:
    """Open a table in the format of the suffix, or as CSV on standard output when ``out`` is None.

    Raises `UserError` for an unknown suffix, `DataError` when the file cannot be written.
    """
    if out is None:
        yield CsvTable(PrintableOutput(sys.stdout) if sys.stdout.isatty() else sys.stdout)
        return
    formats = {suffix: spec for spec in registry.in_order(TableFormat) for suffix in spec.suffixes}
    suffix = check_suffix(out, tuple(formats), "predictions are")
    spec = formats[suffix]
    part = f"the table format {spec.name!r} of {registry.provider(spec)}"
    with writing(out) as temporary:
        opened = registry.build(spec)
        own = registry.is_core(spec)
        with opened(temporary, suffix) if own else _guarded(opened, part, temporary, suffix) as table:
            yield table


@contextmanager
def _guarded(
    opened: Callable[[Path, str], AbstractContextManager[TableWriter]], part: str, path: Path, suffix: str
) -> Iterator[TableWriter]:
    """Open a table of the format ``part``; its exceptions, and a missing file, are raised as `PluginError`."""
    with errors_of(part):
        context: object = opened(path, suffix)
    if not isinstance(context, AbstractContextManager):
        raise PluginError(
            f"the factory of {part} must return an object with the methods __enter__, write and __exit__, not "
            f"{given(context)}"
        )
    with errors_of(part):
        table = context.__enter__()
    if not callable(getattr(table, "write", None)):
        raise PluginError(f"__enter__ of {part} must return an object with the method write, not {given(table)}")
    try:
        yield _GuardedTable(table, part)
    except BaseException as error:
        context.__exit__(type(error), error, error.__traceback__)
        raise
    with errors_of(part):
        context.__exit__(None, None, None)
    if not path.exists():
        raise PluginError(f"{part} must write the file whose path its factory gets, but there is none at its end")


class _GuardedTable:
    """A table whose exceptions are raised as `PluginError`."""

    def __init__(self, table: TableWriter, part: str) -> None:
        self._table = table
        self._part = part

    def write(self, columns: Columns) -> None:
        """Write rows."""
        with errors_of(f"write of {self._part}"):
            self._table.write(columns)


class PrintableOutput:
    """A stream to which control characters are written as escapes: a terminal would obey them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text."""
        return self._stream.write(printable(text))


def with_row_columns(chunk: RowChunk, identifier: str | None, results: Columns) -> Columns:
    """Add columns that identify the rows of a chunk to ``results``.

    The columns are ``row``, the identifier (`IDENTIFIER` unless it is a column) of rows that have one, columns
    copied from the file, ``input`` for text, those of ``results``, and ``reason`` for unusable, truncated and
    windowed rows. A copied column with the name of another, such as a label beside its prediction, is
    ``NAME:file``. Raises `UserError` for any other duplicate name.
    """
    parts: list[tuple[str, pa.Array]] = [("row", pa.array(chunk.numbers, pa.int64()))]
    if chunk.names is not None:
        parts.append((identifier or IDENTIFIER, pa.array(chunk.names, pa.string())))
    taken = {*dict(parts), *results, "input", "reason"}
    for name, column in chunk.copied.items():
        parts.append((f"{name}:file" if name in taken else name, pa.array(column, pa.string())))
    if chunk.texts is not None:
        parts.append(("input", pa.array(chunk.written or chunk.texts, pa.string())))
    parts += [*results.items(), ("reason", pa.array(chunk.remarks, pa.string()))]
    names = [name for name, _ in parts]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        raise UserError(
            f"two columns would be named {duplicate!r}: rename the one in the file, or do not copy it as the "
            "identifier"
        )
    return dict(parts)


def without_formulas(columns: Columns) -> dict[str, pa.Array]:
    """Return a table with `plain_cell` applied to texts and names of columns."""
    return {
        plain_cell(name): pa.array(map(plain_cell, cells.to_pylist()), cells.type)
        if pa.types.is_string(cells.type)
        else cells
        for name, cells in columns.items()
    }


def plain_cell(cell: Any) -> Any:  # noqa: ANN401 - a cell of any type
    """Return a cell with an apostrophe before a text that a spreadsheet would take for a formula.

    >>> plain_cell("=1+1"), plain_cell("-0.5"), plain_cell("CCO")
    ("'=1+1", '-0.5', 'CCO')
    """
    if not isinstance(cell, str) or not cell.startswith(_FORMULA):
        return cell
    with suppress(ValueError):
        float(cell)
        return cell
    return f"'{cell}"


def check_suffix(out: Path, endings: Sequence[str], what: str) -> str:
    """Return the suffix of a file name among ``endings``; raises `UserError` for another one."""
    for ending in endings:
        if out.name.lower().endswith(ending):
            return ending
    raise UserError(
        f"{out}: {what} written to {', '.join(endings[:-1])} or {endings[-1]}; give one of these endings"
    )


@contextmanager
def writing(out: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes ``out`` on normal exit; raises `DataError` when it cannot be written."""
    if out.is_dir():
        raise DataError(f"cannot write {out}: it is a folder")
    try:
        with replacing(out.resolve()) as temporary:  # of a link, the file that it names
            yield temporary
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror or error}") from error
