"""Read NumPy files of numbers, ``.npy`` (memory-mapped) and ``.npz``, in blocks.

The rows are the file's array of two dimensions (rows, columns), a table, or of three (rows, positions, channels),
sequences of vectors. Columns and channels are named by ``names``, else by index from 0. In an ``.npz`` file,
one-dimensional arrays with one number per row are further columns; of sequences, a column `LENGTHS` has the
numbers of positions. Without it, positions at the end without any value are padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers import no_rows
from sma_core.data.readers.features import Chosen, finite_block, finite_sequences, given_names, remaining
from sma_core.data.readers.other_columns import array_column
from sma_core.data.records import RejectedRow
from sma_core.data.sequences import Sequences, bounds_of
from sma_core.data.streams import refuse_special
from sma_core.errors import DataError
from sma_core.printable import counted

ROWS_IN_BLOCK = 65_536
VALUES_IN_BLOCK = 1 << 24
"""Most numbers of sequences in a block, if more than one row."""
LENGTHS = "lengths"


def read_arrays(
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    names: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of ``path`` in blocks; ``exclude`` are columns or channels that are not read."""
    table, others = _load(path, (*columns, *fields))
    refuse_empty(path, table.shape)
    known = given_names(names, table.shape[-1], path)
    wanted = columns or remaining(known, (*fields, *exclude), path)
    chosen = Chosen.among([*known, *others], wanted, fields, path, exclude)
    for rejected, block in (padded_sequences if table.ndim == 3 else _table)(path, table, others, chosen):
        yield from rejected
        if len(block):
            yield block


def _table(
    path: Path, table: NDArray[Any], others: Mapping[str, NDArray[Any]], chosen: Chosen
) -> Iterator[tuple[list[RejectedRow], Block]]:
    """Yield the rejected and the usable rows of each part of a table."""
    extra = list(others.values())
    for start in range(0, len(table), ROWS_IN_BLOCK):
        part = slice(start, start + ROWS_IN_BLOCK)
        values = np.stack([_feature(table, extra, index, part) for index in chosen.features], axis=1)
        field_arrays = tuple(array_column(_raw(table, extra, index, part)) for index in chosen.fields)
        numbers = np.arange(start + 1, start + 1 + len(values))
        yield finite_block(numbers, values, field_arrays, chosen.columns)


def padded_sequences(
    path: Path, array: NDArray[Any], others: Mapping[str, NDArray[Any]], chosen: Chosen
) -> Iterator[tuple[list[RejectedRow], Block]]:
    """Yield the rejected and the usable rows of each part of an array (rows, positions, channels).

    ``others`` are the further columns (rows,), of which `LENGTHS` tells where rows end; ``chosen`` has the indices
    of channels, followed by those of further columns.
    """
    channels = array.shape[2]
    if any(index >= channels for index in chosen.features) or any(index < channels for index in chosen.fields):
        raise DataError(f"{path} has sequences: channels cannot be labels or identifiers, nor these be channels")
    if LENGTHS in [list(others)[index - channels] for index in chosen.fields]:
        raise DataError(
            f"{path}: {LENGTHS} tells where rows end, so it cannot be a label: save it under another name"
        )
    extra = list(others.values())
    lengths = others.get(LENGTHS)
    size = max(1, min(ROWS_IN_BLOCK, VALUES_IN_BLOCK // max(1, array[0].size)))
    if lengths is None:
        _refuse_other_lengths(path, array[:size], {name: column[:size] for name, column in others.items()})
    for start in range(0, len(array), size):
        part = slice(start, start + size)
        values = as_stored(array[part][:, :, list(chosen.features)])  # (n, N, C)
        filled = values_until(values) if lengths is None else np.asarray(lengths[part]).astype(np.int64)
        real = np.arange(values.shape[1]) < filled[:, None]
        field_arrays = tuple(array_column(np.asarray(extra[index - channels][part])) for index in chosen.fields)
        numbers = np.arange(start + 1, start + 1 + len(values))
        sequences = Sequences(values[real], bounds_of(filled))
        yield finite_sequences(numbers, sequences, field_arrays, chosen.columns)


def _refuse_other_lengths(path: Path, array: NDArray[Any], others: Mapping[str, NDArray[Any]]) -> None:
    """Raise `DataError` if one of ``others`` (n,) is where the zeros at the end of each row (n, N, C) begin."""
    until = values_until(np.where(array == 0, np.nan, array))
    for name, column in others.items():
        if column.dtype.kind in "iu" and bool((until < array.shape[1]).any()) and np.array_equal(column, until):
            raise DataError(
                f"{path}: {name!r} has the number of positions of each row before its zeros: name it {LENGTHS!r}, "
                "so that padding is not read as values"
            )


def values_until(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return for each row (n,) of values (n, N, C) the number of positions up to the last with a value."""
    known = np.asarray((~np.isnan(values)).any(axis=2))  # (n, N)
    last = values.shape[1] - known[:, ::-1].argmax(axis=1)
    return np.where(known.any(axis=1), last, 0)


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a NumPy file by name; raises `DataError` when it is not readable."""
    refuse_special(path)
    try:
        file = np.load(path, mmap_mode="r", allow_pickle=False)
        members = {"table": file} if isinstance(file, np.ndarray) else {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}; check the path") from error
    except Exception as error:  # a damaged header makes NumPy raise many types of errors
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        if "allow_pickle" in reason or "Python objects" in reason:
            reason = "it holds Python objects, not numbers; pad rows of different length, and save their lengths"
        raise DataError(f"{path} is not a readable NumPy file: {reason}") from error
    return {name: array for name, array in members.items() if isinstance(array, np.ndarray)}


def _load(path: Path, wanted: Sequence[str]) -> tuple[NDArray[Any], Mapping[str, NDArray[Any]]]:
    """Return the table and the further columns by name; raises `DataError` if ``wanted`` ones do not fit."""
    arrays = load_arrays(path)
    tables = [array for array in arrays.values() if array.ndim in (2, 3) and array.dtype.kind in "fiub"]
    if len(tables) != 1:
        shapes = [f"{name} ({' x '.join(map(str, array.shape))})" for name, array in arrays.items()]
        raise DataError(
            f"{path} must hold one array of numbers, rows by columns, or rows by positions by channels; it holds "
            f"{', '.join(shapes[:10]) or 'no array'}"
        )
    if tables[0].ndim == 3:
        check_lengths(path, tables[0].shape, arrays)
    for name in wanted:
        if name in arrays and arrays[name].ndim == 1 and len(arrays[name]) != len(tables[0]):
            raise DataError(
                f"{path}: {name!r} has {counted(len(arrays[name]), 'value')}, but there are "
                f"{counted(len(tables[0]), 'row')}: give each row one"
            )
    others = {name: array for name, array in arrays.items() if array.ndim == 1 and len(array) == len(tables[0])}
    return tables[0], others


def check_lengths(path: Path, shape: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise `DataError` for an array of lengths that does not fit rows of the shape (n, N, C)."""
    rows, longest = shape[:2]
    for name, lengths in arrays.items():
        if name.lower() != LENGTHS:
            continue
        fits = lengths.shape == (rows,) and lengths.dtype.kind in "iu" and name == LENGTHS
        if not fits or not bool(((lengths[:] >= 0) & (lengths[:] <= longest)).all()):
            raise DataError(
                f"{path}: {name!r} must have a whole number from 0 to {longest} for each of the {rows:,} rows"
                + ("" if name == LENGTHS else f", and be named {LENGTHS!r}")
            )


def refuse_empty(path: Path, shape: tuple[int, ...]) -> None:
    """Raise `DataError` for an array without rows, or whose rows have no value."""
    if shape[0] == 0:
        raise no_rows(path)
    if 0 in shape:
        raise DataError(
            f"{path} has an array of {' x '.join(map(str, shape))} numbers, so that its rows are empty"
        )


def _raw(table: NDArray[Any], extra: Sequence[NDArray[Any]], index: int, part: slice) -> NDArray[Any]:
    return table[part, index] if index < table.shape[1] else extra[index - table.shape[1]][part]


def _feature(table: NDArray[Any], extra: Sequence[NDArray[Any]], index: int, part: slice) -> NDArray[np.float32]:
    return as_float32(_raw(table, extra, index, part))


def as_stored(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return numbers of sequences as uint8 or float16 if they are, else as `as_float32` does."""
    return numbers if numbers.dtype in (np.uint8, np.float16) else as_float32(numbers)


def as_float32(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """Return numbers of any type as float32, infinite where they are too large."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)
