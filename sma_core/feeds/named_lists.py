"""Tables in memory with columns of lists, such as data frames: rows that are sequences of vectors.

They are read as those of a Parquet file: a column of lists for each channel, or one of lists of vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sma_core.data.blocks import Block
from sma_core.data.readers.arrow_rows import rows_of_batches
from sma_core.data.readers.csv import choose_column
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError
from sma_core.feeds.named_rows import TABLE, column_names_of


def sequences_by_name(rows: Any, columns: Sequence[str]) -> Iterator[Block | RejectedRow] | None:  # noqa: ANN401
    """Return the rows of a table with the channels ``columns``; None for rows that are no table.

    Columns that are only counted are taken in order.
    Raises `DataError` when a channel is missing, or a column does not hold lists of numbers.
    """
    labels = column_names_of(rows)
    if not labels and list(getattr(rows, "columns", ())) == list(range(len(columns))):
        labels = dict(zip(columns, range(len(columns)), strict=True))
    if not labels:
        return None
    named = list(labels)
    if set(named) & set(columns):
        named = [choose_column(named, column, (), TABLE) for column in columns]
    table = pa.table({name: _arrow(rows[labels[name]], name) for name in named})
    return _sequences(table, columns)


def _sequences(table: Any, columns: Sequence[str]) -> Iterator[Block | RejectedRow]:  # noqa: ANN401
    def batches(size: int, wanted: list[str]) -> Iterator[Any]:
        yield from table.select(wanted).to_batches(max_chunksize=size)

    for record in rows_of_batches(table.schema, batches, columns, (), TABLE, columns):
        if isinstance(record, Block) and record.offsets is None:
            raise DataError(
                f"{TABLE} has a single number in each row of {', '.join(columns[:8])}, but this model reads "
                "sequences: give columns of lists"
            )
        yield record


def _arrow(column: Any, name: str) -> Any:  # noqa: ANN401 - columns of any library
    """Return a column as an Arrow array."""
    column = column.to_arrow() if hasattr(column, "to_arrow") else column
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return column
    try:
        return pa.array([_cell(cell) for cell in column], from_pandas=True)
    except (pa.ArrowException, TypeError) as error:
        raise DataError(f"{TABLE}: the column {name!r} does not hold lists of numbers") from error


def _cell(cell: Any) -> Any:  # noqa: ANN401 - cells of any library
    """Return a cell as Arrow takes it: an array of two dimensions is a list of vectors."""
    return list(cell) if isinstance(cell, np.ndarray) and cell.ndim == 2 else cell
