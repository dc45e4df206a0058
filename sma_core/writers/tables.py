"""Write tables chunk by chunk: ``.csv`` (also compressed), ``.parquet``, ``.jsonl``.

Files are written atomically. All chunks of a table have the same columns.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

import pyarrow as pa
from pyarrow import parquet

from sma_core.errors import DataError, UserError
from sma_core.feeds.rows import RowChunk
from sma_core.files import replacing

TABLES = (".csv", ".csv.gz", ".parquet", ".jsonl")

Columns = Mapping[str, pa.Array]
"""Column name -> cells, null where missing."""


class TableWriter(Protocol):
    """Writes a table chunk by chunk."""

    def write(self, columns: Columns) -> None:
        """Append rows, with the columns of the first chunk."""
        ...


@contextmanager
def open_table(out: Path | None) -> Iterator[TableWriter]:
    """Open a table writer for the format of the suffix, or for csv on standard output when ``out`` is None.

    Raises `UserError` for an unknown suffix, `DataError` when the file cannot be written.
    """
    if out is None:
        yield _Csv(sys.stdout)
        return
    ending = check_suffix(out, TABLES, "predictions are")
    with writing(out) as temporary, ExitStack() as stack:
        if ending == ".parquet":
            yield stack.enter_context(parquet_table(temporary))
        else:
            file = stack.enter_context(_text_file(temporary, ending.endswith(".gz")))
            yield _JsonLines(file) if ending == ".jsonl" else _Csv(file)


def with_row_columns(chunk: RowChunk, identifier: str | None, results: Columns) -> Columns:
    """Add columns that identify the rows of a chunk to ``results``.

    The columns are ``row``, the identifier if requested, ``input`` for text, those of ``results``, and ``reason``
    for unusable rows. Raises `UserError` for a duplicate column name.
    """
    parts: list[tuple[str, pa.Array]] = [("row", pa.array(chunk.numbers, pa.int64()))]
    if identifier is not None and chunk.names is not None:
        parts.append((identifier, pa.array(chunk.names, pa.string())))
    if chunk.texts is not None:
        parts.append(("input", pa.array(chunk.texts, pa.string())))
    parts += [*results.items(), ("reason", pa.array(chunk.reasons, pa.string()))]
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


@contextmanager
def _text_file(path: Path, compressed: bool) -> Iterator[TextIO]:
    if not compressed:
        with path.open("w", newline="", encoding="utf-8") as file:
            yield file
        return
    # No name and time in the header, so that equal rows give equal bytes.
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as file,
    ):
        yield file


class _Csv:
    """Comma-separated, numbers with six digits, missing cells empty."""

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._has_header = False

    def write(self, columns: Columns) -> None:
        if not self._has_header:
            self._writer.writerow(columns)
            self._has_header = True
        self._writer.writerows(zip(*(map(_cell, cells.to_pylist()) for cells in columns.values()), strict=True))


class _JsonLines:
    """One JSON object per line, missing cells null."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, columns: Columns) -> None:
        for cells in zip(*(column.to_pylist() for column in columns.values()), strict=True):
            self._file.write(json.dumps(dict(zip(columns, cells, strict=True)), ensure_ascii=False) + "\n")


class _Parquet:
    """One row group per chunk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.writer: parquet.ParquetWriter | None = None

    def write(self, columns: Columns) -> None:
        table = pa.table(dict(columns))
        if self.writer is None:
            self.writer = parquet.ParquetWriter(self._path, table.schema)
        self.writer.write_table(table)


@contextmanager
def parquet_table(path: Path) -> Iterator[TableWriter]:
    """Open a writer of a Parquet file."""
    table = _Parquet(path)
    try:
        yield table
    finally:
        if table.writer is not None:
            table.writer.close()


def _cell(value: Any) -> Any:  # noqa: ANN401 - a cell of any type
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
