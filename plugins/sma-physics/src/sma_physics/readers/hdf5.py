"""Reader of HDF5 files of numbers, in blocks (extra ``hdf5``).

Columns are found in three forms, anywhere in the file: one-dimensional datasets, by their path such as
``events/pt``; the members of one-dimensional compound datasets, such as ``table/pt``; the columns of the one
two-dimensional dataset, which are named by ``names``, else by their numbers from 0. The last part of a name
is enough where it is the only such one. All columns that are read must be equally long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers import no_rows
from sma_core.data.readers.features import Chosen, given_names
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError
from sma_physics.readers.blocks import is_numeric, make_block, not_numbers, not_there, rows_in_block


@dataclass(frozen=True)
class _Column:
    """One column: an open dataset, and the member or the column in it (None: all of it)."""

    dataset: Any
    part: str | int | None
    kind: np.dtype[Any]

    def of(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the column (n,) of the dataset's rows."""
        if isinstance(self.part, int):
            return rows[:, self.part]
        return rows if self.part is None else rows[self.part]


def read_hdf5(
    path: Path, columns: Sequence[str], fields: Sequence[str], *, names: Sequence[str] = ()
) -> Iterator[Block | RejectedRow]:
    """Stream the rows of ``path`` in blocks.

    Raises `DataError` when h5py is not installed, the file is no HDF5, or its columns do not fit.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataError("to read HDF5 files: pip install 'sma-physics[hdf5]'") from error
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError as error:
        raise not_there(path) from error
    except OSError as error:
        raise DataError(f"{path} is no readable HDF5 file: {error}") from error
    with file:
        known = _find_columns(h5py, file, names, path)
        full = _full_names(known)
        asked, others = (tuple(full.get(name, name) for name in list_) for list_ in (columns, fields))
        chosen = Chosen.among(list(known), asked, others, path)
        found = [known[name] for name in chosen.columns]
        for name, column in zip(chosen.columns, found, strict=True):
            if not is_numeric(column.kind):
                raise not_numbers(path, name, column.kind)
        try:
            yield from _read(path, found, [known[name] for name in others], tuple(columns) or chosen.columns)
        except OSError as error:
            raise DataError(f"{path} is damaged: {error}") from error


def _read(
    path: Path, features: Sequence[_Column], fields: Sequence[_Column], columns: tuple[str, ...]
) -> Iterator[Block | RejectedRow]:
    """Yield the rows; every dataset is read once a block."""
    datasets = {column.dataset.name: column.dataset for column in (*features, *fields)}
    lengths = {name: len(dataset) for name, dataset in datasets.items()}
    rows = next(iter(lengths.values()))
    for name, length in lengths.items():
        if length != rows:
            raise DataError(
                f"{path}: {next(iter(lengths))} has {rows:,} rows but {name} has {length:,}; name columns of one "
                "length with data.columns"
            )
    if not rows:
        raise no_rows(path)
    width = sum(_width(dataset) for dataset in datasets.values())
    step = rows_in_block(width)
    for start in range(0, rows, step):
        read = {name: dataset[start : start + step] for name, dataset in datasets.items()}
        parts = [[each.of(read[each.dataset.name]) for each in group] for group in (features, fields)]
        yield from make_block(start, parts[0], parts[1], columns)


def _find_columns(h5py: Any, file: Any, names: Sequence[str], path: Path) -> dict[str, _Column]:  # noqa: ANN401
    """Return all columns of a file by their names, in the file's order."""
    datasets = [each for each in _walk(h5py, file, set()) if isinstance(each, h5py.Dataset)]
    tables = [each for each in datasets if each.ndim == 2]
    found: dict[str, _Column] = {}
    for each in datasets:
        name = each.name.strip("/")
        if each.ndim == 1 and each.dtype.names:
            members = each.dtype.names
            found |= {f"{name}/{member}": _Column(each, member, each.dtype[member]) for member in members}
        elif each.ndim == 1:
            found[name] = _Column(each, None, each.dtype)
        elif each.ndim == 2 and len(tables) == 1:
            columns = enumerate(given_names(names, each.shape[1], path))
            found |= {column: _Column(each, at, each.dtype) for at, column in columns}
    if not found:
        raise DataError(
            f"{path} must hold columns as one-dimensional datasets, or one two-dimensional dataset, rows by "
            f"columns; it holds {len(tables)} two-dimensional ones"
        )
    return found


def _walk(h5py: Any, group: Any, seen: set[Any]) -> Iterator[Any]:  # noqa: ANN401 - h5py has no types
    """Yield all items below a group once, in their order; links that lead nowhere are passed by."""
    for name in group:
        item = group.get(name)
        if item is None or item in seen:
            continue
        seen.add(item)
        yield item
        if isinstance(item, h5py.Group):
            yield from _walk(h5py, item, seen)


def _full_names(known: dict[str, _Column]) -> dict[str, str]:
    """Return full names by last part, where it is the only such one and no full name itself."""
    last = [name.rpartition("/")[2] for name in known]
    pairs = zip(last, known, strict=True)
    return {short: name for short, name in pairs if last.count(short) == 1 and short not in known}


def _width(dataset: Any) -> int:  # noqa: ANN401 - h5py has no types
    return len(dataset.dtype.names or ()) or (dataset.shape[1] if dataset.ndim == 2 else 1)
