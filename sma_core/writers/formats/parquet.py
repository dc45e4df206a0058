"""Apache Parquet, one row group per chunk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from sma_core.writers.formats.writer import Columns, TableWriter


@contextmanager
def parquet_format(path: Path, suffix: str) -> Iterator[TableWriter]:
    """Open a Parquet file."""
    table = _Parquet(path)
    try:
        yield table
    finally:
        if table.writer is not None:
            table.writer.close()


class _Parquet:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.writer: parquet.ParquetWriter | None = None

    def write(self, columns: Columns) -> None:
        table = pa.table(dict(columns))
        if self.writer is None:
            self.writer = parquet.ParquetWriter(self._path, table.schema)
        self.writer.write_table(table)
