"""Read ``.parquet`` files of numbers in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers import no_rows
from sma_core.data.readers.features import Chosen, finite_block
from sma_core.data.readers.other_columns import arrow_column
from sma_core.data.records import RejectedRow
from sma_core.data.streams import refuse_special
from sma_core.errors import DataError

ROWS_IN_BLOCK = 65_536


def read_parquet(
    path: Path, columns: Sequence[str], fields: Sequence[str], *, names: Sequence[str] = ()
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of ``path`` in blocks; ``names`` is ignored, since the file has column names."""
    from pyarrow import parquet

    refuse_special(path)
    try:
        file = parquet.ParquetFile(str(path), memory_map=True)
        chosen = Chosen.among(file.schema_arrow.names, columns, fields, path)
        _refuse_texts(file.schema_arrow, chosen, path)
        requested = [file.schema_arrow.names[index] for index in (*chosen.features, *chosen.fields)]
        number = 0
        for batch in file.iter_batches(ROWS_IN_BLOCK, columns=list(dict.fromkeys(requested))):
            numbers = np.arange(number + 1, number + 1 + batch.num_rows)
            values = np.stack([_numbers(batch.column(name)) for name in chosen.columns], axis=1)
            others = tuple(arrow_column(batch.column(name)) for name in fields)
            rejected, block = finite_block(numbers, values, others, chosen.columns)
            yield from rejected
            if len(block):
                yield block
            number += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file: {error}") from error
    if not number:
        raise no_rows(path)


def _refuse_texts(schema: Any, chosen: Chosen, path: Path) -> None:  # noqa: ANN401 - pyarrow has no types
    """Raise `DataError` when a feature is not a column of numbers."""
    for index, name in zip(chosen.features, chosen.columns, strict=True):
        kind = schema.types[index]
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise DataError(
                f"{path}: the column {name!r} holds {kind}, not numbers; name others with data.columns"
            )


def _numbers(column: Any) -> NDArray[np.float32]:  # noqa: ANN401 - pyarrow has no types
    kind = pa.uint8() if pa.types.is_boolean(column.type) else pa.float64()
    whole: NDArray[Any] = column.cast(kind, safe=False).cast(pa.float64()).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        return whole.astype(np.float32)
