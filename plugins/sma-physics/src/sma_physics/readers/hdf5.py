"""Block reader of numeric HDF5 files (extra ``hdf5``).

Columns are one-dimensional datasets, named by their path such as ``events/pt``; members of one-dimensional
compound datasets, such as ``table/pt``; and columns of a single two-dimensional dataset, named by ``names`` or
numbered from 0. The last part of a name is sufficient if it is unique. All columns that are read must have the
same length.
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
    """Column of an open dataset: a member, a column index, or None for the whole dataset."""

    dataset: Any
    part: str | int | None
    kind: np.dtype[Any]

    def of(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the column (n,) of rows read from the dataset."""
        if isinstance(self.part, int):
            return rows[:, self.part]
        return rows if self.part is None else rows[self.part]


def read_hdf5(
    path: Path, columns: Sequence[str], fields: Sequence[str], *, names: Sequence[str] = ()
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of ``path`` in blocks.

    Raises `DataError` if h5py is not installed, the file is not HDF5, or the columns do not match.
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
        raise DataError(f"{path} is not a readable HDF5 file: {error}") from error
    with file:
        known = _find_columns(h5py, file, names, path)
        full = _full_names(known)
        selected, others = (tuple(full.get(name, name) for name in list_) for list_ in (columns, fields))
        chosen = Chosen.among(list(known), selected, others, path)
        features = [known[name] for name in chosen.columns]
        for name, column in zip(chosen.columns, features, strict=True):
            if not is_numeric(column.kind):
                raise not_numbers(path, name, column.kind)
        try:
            yield from _read(path, features, [known[name] for name in others], tuple(columns) or chosen.columns)
        except OSError as error:
            raise DataError(f"{path} is damaged: {error}") from error


def _read(
    path: Path, features: Sequence[_Column], fields: Sequence[_Column], columns: tuple[str, ...]
) -> Iterator[Block | RejectedRow]:
    """Yield the rows; each dataset is read once per block."""
    datasets = {column.dataset.name: column.dataset for column in (*features, *fields)}
    lengths = {name: len(dataset) for name, dataset in datasets.items()}
    rows = next(iter(lengths.values()))
    for name, length in lengths.items():
        if length != rows:
            raise DataError(
                f"{path}: {next(iter(lengths))} has {rows:,} rows but {name} has {length:,}; choose columns of "
                "equal length with data.columns"
            )
    if not rows:
        raise no_rows(path)
    width = sum(_width(dataset) for dataset in datasets.values())
    step = rows_in_block(width)
    for start in range(0, rows, step):
        read = {name: dataset[start : start + step] for name, dataset in datasets.items()}
        parts = [[column.of(read[column.dataset.name]) for column in group] for group in (features, fields)]
        yield from make_block(start, parts[0], parts[1], columns)


def _find_columns(h5py: Any, file: Any, names: Sequence[str], path: Path) -> dict[str, _Column]:  # noqa: ANN401
    """Return all columns of a file by name, in file order."""
    datasets = [item for item in _walk(h5py, file, set()) if isinstance(item, h5py.Dataset)]
    tables = [dataset for dataset in datasets if dataset.ndim == 2]
    columns: dict[str, _Column] = {}
    for dataset in datasets:
        name, kind = dataset.name.strip("/"), dataset.dtype
        if dataset.ndim == 1 and kind.names:
            columns |= {f"{name}/{member}": _Column(dataset, member, kind[member]) for member in kind.names}
        elif dataset.ndim == 1:
            columns[name] = _Column(dataset, None, kind)
        elif dataset.ndim == 2 and len(tables) == 1:
            numbered = enumerate(given_names(names, dataset.shape[1], path))
            columns |= {column: _Column(dataset, index, kind) for index, column in numbered}
    if not columns:
        raise DataError(
            f"{path} must have one-dimensional datasets, or a single two-dimensional dataset of rows by columns; "
            f"it has {len(tables)} two-dimensional datasets"
        )
    return columns


def _walk(h5py: Any, group: Any, seen: set[Any]) -> Iterator[Any]:  # noqa: ANN401 - h5py has no types
    """Yield all items below a group once, in order; broken links are skipped."""
    for name in group:
        item = group.get(name)
        if item is None or item in seen:
            continue
        seen.add(item)
        yield item
        if isinstance(item, h5py.Group):
            yield from _walk(h5py, item, seen)


def _full_names(known: dict[str, _Column]) -> dict[str, str]:
    """Return the full name for each last part of a name that is unique and not a full name itself."""
    last = [name.rpartition("/")[2] for name in known]
    pairs = zip(last, known, strict=True)
    return {short: name for short, name in pairs if last.count(short) == 1 and short not in known}


def _width(dataset: Any) -> int:  # noqa: ANN401 - h5py has no types
    return len(dataset.dtype.names or ()) or (dataset.shape[1] if dataset.ndim == 2 else 1)
