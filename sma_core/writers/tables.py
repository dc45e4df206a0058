"""Write a table of results chunk by chunk, in a format of the core or of a plugin.

Files are written atomically. All chunks of a table have the same columns.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from sma_core.errors import DataError, UserError
from sma_core.feeds.rows import RowChunk
from sma_core.files import replacing
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import TableFormat
from sma_core.writers.formats.csv import CsvTable
from sma_core.writers.formats.writer import Columns, TableWriter

IDENTIFIER = "id"
"""Column of the names that a format without columns gives its rows."""


@contextmanager
def open_table(out: Path | None, registry: Registry) -> Iterator[TableWriter]:
    """Open a table in the format of the suffix, or as CSV on standard output when ``out`` is None.

    Raises `UserError` for an unknown suffix, `DataError` when the file cannot be written.
    """
    if out is None:
        yield CsvTable(sys.stdout)
        return
    formats = {suffix: spec for spec in registry.in_order(TableFormat) for suffix in spec.suffixes}
    suffix = check_suffix(out, tuple(formats), "predictions are")
    opened = registry.build(formats[suffix])
    with writing(out) as temporary, opened(temporary, suffix) as table:
        yield table


def with_row_columns(chunk: RowChunk, identifier: str | None, results: Columns) -> Columns:
    """Add columns that identify the rows of a chunk to ``results``.

    The columns are ``row``, the identifier (`IDENTIFIER` unless it is a column) of rows that have one, columns
    copied from the file, ``input`` for text, those of ``results``, and ``reason`` for unusable, truncated and
    windowed rows. Raises `UserError` for a duplicate column name.
    """
    parts: list[tuple[str, pa.Array]] = [("row", pa.array(chunk.numbers, pa.int64()))]
    if chunk.names is not None:
        parts.append((identifier or IDENTIFIER, pa.array(chunk.names, pa.string())))
    parts += [(name, pa.array(column, pa.string())) for name, column in chunk.copied.items()]
    if chunk.texts is not None:
        parts.append(("input", pa.array(chunk.written or chunk.texts, pa.string())))
    parts += [*results.items(), ("reason", pa.array(chunk.remarks, pa.string()))]
    names = [name for name, _ in parts]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        raise UserError(f"two columns would be named {duplicate!r}: rename the one in the file")
    return dict(parts)


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
        with replacing(out) as temporary:
            yield temporary
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror or error}") from error
