"""Make blocks of the columns of Arrow tables, of files and in memory.

Features are columns with one number a row, or columns of lists of numbers, one a channel, whose rows are sequences
of vectors. A single column of lists of lists has a vector for each position; its channels are named by ``names``,
or by index from 0, and ``columns`` may name either the column or channels of it.

Letters: n rows, n_i positions of row i, T positions of all rows, F features, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute as pc

from sma_core.data.blocks import Block
from sma_core.data.readers.features import Chosen, finite_block, finite_sequences, given_names
from sma_core.data.readers.list_columns import choose_kind, lists_block
from sma_core.data.readers.other_columns import arrow_column
from sma_core.data.records import RejectedRow
from sma_core.data.sequences import Sequences, bounds_of
from sma_core.errors import DataError

Batches = Callable[[int, list[str]], Iterable[Any]]
"""``batches(size, columns)``: record batches of at most ``size`` rows, with the columns of these names."""
ROWS_IN_BLOCK = 65_536
ROWS_OF_LISTS = 4_096


def rows_of_batches(
    schema: Any,  # noqa: ANN401 - pyarrow has no types
    batches: Batches,
    columns: Sequence[str],
    fields: Sequence[str],
    where: Path | str,
    names: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of a table of ``schema``, called ``where`` in messages.

    ``columns``, ``fields`` and ``names`` are as in `sma_core.data.blocks.BlockReader`; the columns or channels
    ``exclude`` are not read. Raises `DataError` for columns that are missing or hold no numbers.
    """
    vectors = () if set(columns) & set(schema.names) else _columns_of_vectors(schema, (*fields, *exclude))
    channels = columns if len(vectors) == 1 else ()
    inside = tuple(name for name in exclude if len(vectors) == 1 and name not in schema.names)
    apart = tuple(name for name in exclude if name not in inside)
    chosen = Chosen.among(schema.names, vectors if channels else columns, fields, where, apart)
    requested = dict.fromkeys(schema.names[index] for index in (*chosen.features, *chosen.fields))
    to_block, size = _conversion(schema, chosen, where, (names, channels, inside))
    number = 0
    for batch in batches(size, list(requested)):
        numbers = np.arange(number + 1, number + 1 + batch.num_rows)
        others = tuple(arrow_column(batch.column(name)) for name in fields)
        rejected, block = to_block(numbers, [batch.column(name) for name in chosen.columns], others)
        yield from rejected
        if len(block):
            yield block
        number += batch.num_rows


def _conversion(
    schema: Any,  # noqa: ANN401 - pyarrow has no types
    chosen: Chosen,
    path: Path | str,
    channels: tuple[Sequence[str], Sequence[str], Sequence[str]],
) -> tuple[Callable[..., tuple[list[RejectedRow], Block]], int]:
    """Return the function that makes blocks of the chosen features, and the number of rows to read at once.

    ``channels`` are the names of all channels of a column of vectors, those to read, and excluded ones.
    """
    depths = {name: _depth(schema.field(name).type, name, path) for name in chosen.columns}
    single = [name for name in chosen.columns if depths[name] == 0]
    if not choose_kind(path, single, [name for name in chosen.columns if depths[name]]):
        return partial(_table, columns=chosen.columns), ROWS_IN_BLOCK
    if max(depths.values()) == 1:
        return partial(_lists, columns=chosen.columns), ROWS_OF_LISTS
    if len(depths) > 1:
        raise DataError(f"{path} has {len(depths)} columns of lists, one of vectors: name one with data.columns")
    return partial(_vectors, path=path, channels=channels), ROWS_OF_LISTS


def _columns_of_vectors(schema: Any, fields: Sequence[str]) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    """Return the names of columns of lists of lists that are not among ``fields``."""
    kinds = {name: kind for name, kind in zip(schema.names, schema.types, strict=True) if name not in fields}
    return [name for name, kind in kinds.items() if _is_list(kind) and _is_list(kind.value_type)]


def _table(
    numbers: NDArray[np.int64], features: Sequence[Any], fields: tuple[NDArray[Any], ...], columns: tuple[str, ...]
) -> tuple[list[RejectedRow], Block]:
    return finite_block(numbers, np.stack([_numbers(column) for column in features], axis=1), fields, columns)


def _lists(
    numbers: NDArray[np.int64], features: Sequence[Any], fields: tuple[NDArray[Any], ...], columns: tuple[str, ...]
) -> tuple[list[RejectedRow], Block]:
    lengths, values = zip(*map(_flat, features), strict=True)
    return lists_block(numbers, lengths, values, fields, columns)


def _depth(kind: Any, name: str, path: Path | str) -> int:  # noqa: ANN401 - pyarrow has no types
    """Return how deep the numbers of a column lie in lists, 0 to 2; raise `DataError` for another type."""
    inner, depth = kind, 0
    while depth < 2 and _is_list(inner):
        inner, depth = inner.value_type, depth + 1
    if not (pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_boolean(inner)):
        raise DataError(
            f"{path}: the column {name!r} holds {kind}, not numbers; leave it out with `data.exclude={name}`, or "
            "name others with data.columns"
        )
    return depth


def _is_list(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _flat(column: Any) -> tuple[NDArray[np.int64], NDArray[np.float32]]:  # noqa: ANN401 - pyarrow has no types
    """Return the lengths (n,) of a column of lists, and their values (T,)."""
    return _lengths(column), _numbers(pc.list_flatten(column))


def _lengths(column: Any) -> NDArray[np.int64]:  # noqa: ANN401 - pyarrow has no types
    """Return the lengths (n,) of a column of lists, 0 where null."""
    lengths: NDArray[np.int64] = pc.list_value_length(column).fill_null(0).cast(pa.int64()).to_numpy()
    return lengths


def _vectors(
    numbers: NDArray[np.int64],
    features: Sequence[Any],
    fields: tuple[NDArray[Any], ...],
    channels: tuple[Sequence[str], Sequence[str], Sequence[str]],
    path: Path | str,
) -> tuple[list[RejectedRow], Block]:
    """Return rejected rows and the block of a column of lists of vectors, which must have C numbers each.

    ``channels`` is as in `_conversion`.
    """
    names, wanted, exclude = channels
    (column,) = features
    lengths = _lengths(column)  # (n,)
    sizes, flat = _flat(pc.list_flatten(column))  # (T,), (T * C,)
    width = int(sizes[0]) if len(sizes) else len(names)
    if (sizes != width).any():
        position = np.flatnonzero(sizes != width)[0]
        row = int(numbers[np.searchsorted(np.cumsum(lengths), position, side="right")])
        raise DataError(f"{path}, row {row:,}: a vector has {sizes[position]:,} numbers, others {width:,}")
    chosen = Chosen.among(given_names(names, width, path), wanted, (), path, exclude)
    vectors = flat.reshape(len(sizes), width)  # (T * C,) -> (T, C)
    kept = vectors if len(chosen.features) == width and not wanted else vectors[:, list(chosen.features)]
    return finite_sequences(numbers, Sequences(kept, bounds_of(lengths)), fields, chosen.columns)


def _numbers(column: Any) -> NDArray[np.float32]:  # noqa: ANN401 - pyarrow has no types
    kind = pa.uint8() if pa.types.is_boolean(column.type) else pa.float64()
    whole: NDArray[Any] = column.cast(kind, safe=False).cast(pa.float64()).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        return whole.astype(np.float32)
