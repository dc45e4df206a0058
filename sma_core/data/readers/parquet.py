"""Read ``.parquet`` files of numbers, and Arrow files (``.arrow``, ``.feather``), in blocks.

Features are columns as `sma_core.data.readers.arrow_rows` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from sma_core.data.blocks import Block
from sma_core.data.readers import no_rows
from sma_core.data.readers.arrow_rows import Batches, rows_of_batches
from sma_core.data.records import RejectedRow
from sma_core.data.streams import refuse_special
from sma_core.errors import DataError

ARROW_ENDINGS = (".arrow", ".feather")
MAGIC = b"ARROW1"
"""First bytes of an Arrow file; a stream of Arrow batches has none."""


def read_parquet(
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    names: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of ``path`` in blocks; ``exclude`` are columns or channels that are not read.

    Raises `DataError` when the file cannot be read or holds no rows.
    """
    refuse_special(path)
    kind, number = "Arrow" if path.suffix.lower() in ARROW_ENDINGS else "Parquet", 0
    try:
        schema, batches = _batches(path)
        for record in rows_of_batches(schema, batches, columns, fields, path, names, exclude):
            number += 1
            yield record
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable {kind} file: {error}") from error
    if not number:
        raise no_rows(path)


def column_names(path: Path) -> list[str]:
    """Return the names of the columns of a Parquet or Arrow file."""
    names: list[str] = _batches(path)[0].names
    return names


def _batches(path: Path) -> tuple[Any, Batches]:
    return _arrow_batches(path) if path.suffix.lower() in ARROW_ENDINGS else _parquet_batches(path)


def _parquet_batches(path: Path) -> tuple[Any, Batches]:
    """Return the schema of a Parquet file, and the function that returns its batches."""
    from pyarrow import parquet

    file = parquet.ParquetFile(str(path), memory_map=True)
    return file.schema_arrow, lambda size, columns: file.iter_batches(size, columns=columns)


def _arrow_batches(path: Path) -> tuple[Any, Batches]:
    """Return the schema of an Arrow file or stream, and the function that returns its batches."""
    with path.open("rb") as start:
        is_file = start.read(len(MAGIC)) == MAGIC
    mapped = pa.memory_map(str(path))
    file = pa.ipc.open_file(mapped) if is_file else pa.ipc.open_stream(mapped)
    stored = (file.get_batch(index) for index in range(file.num_record_batches)) if is_file else iter(file)

    def batches(size: int, columns: list[str]) -> Iterator[Any]:
        for batch in stored:
            batch.validate(full=True)
            kept = batch.select(columns)
            for start in range(0, batch.num_rows, size):
                yield kept.slice(start, size)

    return file.schema, batches
