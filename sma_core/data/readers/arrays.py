"""Read NumPy files of numbers, ``.npy`` (memory-mapped) and ``.npz``, in blocks.

The table is the file's two-dimensional array (rows, columns); its columns are named by ``names``, else by index
from 0. In an ``.npz`` file, one-dimensional arrays of the table's length are further columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers import no_rows
from sma_core.data.readers.features import Chosen, finite_block, given_names
from sma_core.data.readers.other_columns import array_column
from sma_core.data.records import RejectedRow
from sma_core.data.streams import refuse_special
from sma_core.errors import DataError

ROWS_IN_BLOCK = 65_536


def read_arrays(
    path: Path, columns: Sequence[str], fields: Sequence[str], *, names: Sequence[str] = ()
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of ``path`` in blocks."""
    table, others = _load(path)
    known = given_names(names, table.shape[1], path)
    chosen = Chosen.among([*known, *others], columns, fields, path)
    if not columns:
        features = tuple(index for index in chosen.features if index < len(known))
        chosen = Chosen(features, chosen.fields, tuple(known[index] for index in features))
    if not len(table):
        raise no_rows(path)
    extra = list(others.values())
    for start in range(0, len(table), ROWS_IN_BLOCK):
        part = slice(start, start + ROWS_IN_BLOCK)
        values = np.stack([_feature(table, extra, index, part) for index in chosen.features], axis=1)
        field_arrays = tuple(array_column(_raw(table, extra, index, part)) for index in chosen.fields)
        numbers = np.arange(start + 1, start + 1 + len(values))
        rejected, block = finite_block(numbers, values, field_arrays, chosen.columns)
        yield from rejected
        if len(block):
            yield block


def _load(path: Path) -> tuple[NDArray[Any], Mapping[str, NDArray[Any]]]:
    """Return the table, and the further columns by name."""
    refuse_special(path)
    try:
        file = np.load(path, mmap_mode="r", allow_pickle=False)
        members = {"table": file} if isinstance(file, np.ndarray) else {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}; check the path") from error
    except Exception as error:  # a damaged header makes NumPy raise many types of errors
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise DataError(f"{path} is not a readable NumPy file: {reason}") from error
    arrays = {name: array for name, array in members.items() if isinstance(array, np.ndarray)}
    tables = [array for array in arrays.values() if array.ndim == 2 and array.dtype.kind in "fiub"]
    if len(tables) != 1:
        shapes = [f"{name} ({' x '.join(map(str, array.shape))})" for name, array in arrays.items()]
        raise DataError(
            f"{path} must hold one two-dimensional array of numbers, rows by columns; it holds "
            f"{', '.join(shapes[:10]) or 'no array'}"
        )
    others = {name: array for name, array in arrays.items() if array.ndim == 1 and len(array) == len(tables[0])}
    return tables[0], others


def _raw(table: NDArray[Any], extra: Sequence[NDArray[Any]], index: int, part: slice) -> NDArray[Any]:
    return table[part, index] if index < table.shape[1] else extra[index - table.shape[1]][part]


def _feature(table: NDArray[Any], extra: Sequence[NDArray[Any]], index: int, part: slice) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return _raw(table, extra, index, part).astype(np.float32)
