"""Reader of NumPy's files of numbers: ``.npy`` (memory-mapped) and ``.npz``, in blocks.

The table is the file's two-dimensional array (rows, columns); its columns are named by ``names``, else by their
numbers from 0. In an ``.npz`` file one-dimensional arrays as long as the table are columns too, with their names.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers import no_rows
from sma_core.data.readers.features import Chosen, finite_block, given_names
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError

ROWS_IN_BLOCK = 65_536


def read_arrays(
    path: Path, columns: Sequence[str], fields: Sequence[str], *, names: Sequence[str] = ()
) -> Iterator[Block | RejectedRow]:
    """Stream the rows of ``path`` in blocks."""
    table, others = _opened(path)
    known = given_names(names, table.shape[1], path)
    chosen = Chosen.among([*known, *others], columns, fields, path)
    if not columns:
        features = tuple(at for at in chosen.features if at < len(known))
        chosen = Chosen(features, chosen.fields, tuple(known[at] for at in features))
    if not len(table):
        raise no_rows(path)
    extra = list(others.values())
    for start in range(0, len(table), ROWS_IN_BLOCK):
        part = slice(start, start + ROWS_IN_BLOCK)
        values = np.stack([_column(table, extra, at, part) for at in chosen.features], axis=1)
        others_of_part = tuple(_as_field(_raw(table, extra, at, part)) for at in chosen.fields)
        numbers = np.arange(start + 1, start + 1 + len(values))
        rejected, block = finite_block(numbers, values, others_of_part, chosen.columns)
        yield from rejected
        if len(block):
            yield block


def _opened(path: Path) -> tuple[NDArray[Any], Mapping[str, NDArray[Any]]]:
    """Open the table, and the further columns by name."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        arrays = {"table": found} if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}; check the path") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no readable file of NumPy's arrays: {error}") from error
    tables = [array for array in arrays.values() if array.ndim == 2 and array.dtype.kind in "fiub"]
    if len(tables) != 1:
        raise DataError(
            f"{path} must hold one two-dimensional array of numbers, rows by columns; it holds {len(tables)}"
        )
    others = {name: array for name, array in arrays.items() if array.ndim == 1 and len(array) == len(tables[0])}
    return tables[0], others


def _raw(table: NDArray[Any], extra: Sequence[NDArray[Any]], at: int, part: slice) -> NDArray[Any]:
    return table[part, at] if at < table.shape[1] else extra[at - table.shape[1]][part]


def _column(table: NDArray[Any], extra: Sequence[NDArray[Any]], at: int, part: slice) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return _raw(table, extra, at, part).astype(np.float32)


def _as_field(column: NDArray[Any]) -> NDArray[Any]:
    if column.dtype.kind in "fiub":
        return column.astype(np.float32)
    return np.array([str(value) for value in column.tolist()], dtype=object)
