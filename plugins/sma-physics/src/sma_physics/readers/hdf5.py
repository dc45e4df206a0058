"""Block reader of numeric HDF5 files (extra ``hdf5``).

Columns are one-dimensional datasets, named by their path such as ``events/pt``; members of one-dimensional
compound datasets, such as ``table/pt``, also in the tables of pandas; and columns of two-dimensional datasets.
Those of a single two-dimensional dataset are named by ``names`` or numbered from 0, those of several are
``inputs/0``, ``inputs/1``, …. The last part of a name is sufficient if it is unique. All columns that are read
must have the same length.

A dataset of three dimensions (rows, positions, channels), or of two with a compound type, the only one or
``tree``, has rows that are sequences of vectors (`sma_physics.readers.hdf5_sequences`). Its channels are named by
``names``, by the members, or numbered; a one-dimensional dataset ``lengths`` tells where rows end, else positions
at the end without a value are padding. Several datasets (rows, positions) of one shape are channels when
``columns`` names them.

Without requested columns, all columns but the further ones are features, or those of the dataset or group
``tree``; the file is refused if other datasets of numbers in it would be left out.
"""

from __future__ import annotations

import math
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
from sma_core.data.streams import refuse_special
from sma_core.errors import DataError
from sma_physics.readers.blocks import is_numeric, make_block, not_numbers, not_there, rows_in_block
from sma_physics.readers.hdf5_sequences import find_sequences, is_compound_of_sequences
from sma_physics.readers.pandas_table import check_filters, column_names, is_index, members

LARGEST_RATIO = 2000
"""Largest number of bytes of a dataset for each byte that the file stores for it."""
SMALL = 1 << 30
"""Datasets of fewer bytes may have any ratio."""


@dataclass(frozen=True)
class _Column:
    """Column of an open dataset: ``part`` is a member, a column index, or None for the whole dataset."""

    dataset: Any
    part: str | int | None
    kind: np.dtype[Any]
    index: int | None = None
    """Index in a member that is an array."""

    def of(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the column (n,) of rows read from the dataset."""
        if isinstance(self.part, int):
            return rows[:, self.part]
        whole = rows if self.part is None else rows[self.part]
        return whole if self.index is None else whole[:, self.index]


def read_hdf5(
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    names: Sequence[str] = (),
    tree: str | None = None,
    exclude: Sequence[str] = (),
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of ``path`` in blocks; ``exclude`` are columns or channels that are not read.

    Raises `DataError` if h5py is not installed, the file is not HDF5, or the columns do not match.
    """
    h5py, file = _opened(path)
    with file:
        datasets = [item for item in _walk(h5py, file, path, set()) if isinstance(item, h5py.Dataset)]
        inside = datasets if tree is None else _inside(h5py, file, datasets, tree, path)
        sequences = find_sequences(inside, columns)
        if sequences is not None:
            for dataset in sequences.datasets:
                _refuse_hollow(dataset, path)
                check_filters(dataset, path)
            yield from sequences.read(path, datasets, (columns, fields, exclude), names)
            return
        known = _find_columns(datasets, inside, names, path)
        full = _full_names(known)
        selected, others, left_out = (
            tuple(full.get(name, name) for name in list_) for list_ in (columns, fields, exclude)
        )
        if not columns:
            _refuse_left_out(inside, known, path)
            taken = {dataset.name for dataset in inside}
            apart = {*others, *left_out}
            selected = tuple(name for name in known if known[name].dataset.name in taken and name not in apart)
        chosen = Chosen.among(list(known), selected, others, path, left_out)
        features = [known[name] for name in chosen.columns]
        for name, column in zip(chosen.columns, features, strict=True):
            if not is_numeric(column.kind):
                raise not_numbers(path, name, column.kind)
        try:
            yield from _read(path, features, [known[name] for name in others], tuple(columns) or chosen.columns)
        except OSError as error:
            raise DataError(f"{path} is damaged: {error}") from error


def hdf5_columns(path: Path) -> list[str]:
    """Return the last parts of the names of all columns; raises `DataError` as `read_hdf5` does."""
    h5py, file = _opened(path)
    with file:
        datasets = [item for item in _walk(h5py, file, path, set()) if isinstance(item, h5py.Dataset)]
        return [name.rpartition("/")[2] for name in _find_columns(datasets, datasets, (), path)]


def _opened(path: Path) -> tuple[Any, Any]:
    """Return the module h5py and the open file."""
    try:
        import h5py
    except ImportError as error:
        raise DataError("to read HDF5 files: pip install 'sma-physics[hdf5]'") from error
    refuse_special(path)
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError as error:
        raise not_there(path) from error
    except OSError as error:
        raise DataError(f"{path} is not a readable HDF5 file: {error}") from error
    return h5py, file


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
        _refuse_hollow(datasets[name], path)
        check_filters(datasets[name], path)
    if not rows:
        raise no_rows(path)
    width = sum(_width(dataset) for dataset in datasets.values())
    step = rows_in_block(width)
    for start in range(0, rows, step):
        read = {name: dataset[start : start + step] for name, dataset in datasets.items()}
        parts = [[column.of(read[column.dataset.name]) for column in group] for group in (features, fields)]
        yield from make_block(start, parts[0], parts[1], columns)


def _inside(h5py: Any, file: Any, datasets: Sequence[Any], tree: str, path: Path) -> list[Any]:  # noqa: ANN401
    """Return the dataset ``tree``, or the datasets of the group ``tree``."""
    root = file.get(tree)
    if root is None:
        listed = ", ".join(map(_described, datasets[:20]))
        raise DataError(f"{path} has no dataset or group {tree!r}; its datasets are: {listed}")
    if isinstance(root, h5py.Dataset):
        return [root]
    return [dataset for dataset in datasets if dataset.name.startswith(f"{root.name.rstrip('/')}/")]


def _find_columns(
    datasets: Sequence[Any], inside: Sequence[Any], names: Sequence[str], path: Path
) -> dict[str, _Column]:
    """Return all columns of datasets by name, in file order.

    If one dataset of ``inside`` is a table, its columns are named by ``names`` or numbered.
    """
    tables = [dataset.name for dataset in inside if dataset.ndim == 2 and not dataset.dtype.names]
    columns: dict[str, _Column] = {}
    for dataset in datasets:
        name, kind = dataset.name.strip("/"), dataset.dtype
        if dataset.ndim == 1 and kind.names:
            for member in members(dataset):
                columns |= _of_member(dataset, member, name)
        elif dataset.ndim == 1:
            columns[name] = _Column(dataset, None, kind)
        elif dataset.ndim == 2 and not kind.names:
            alone = tables == [dataset.name]
            numbered = enumerate(given_names(names if alone else (), dataset.shape[1], path))
            prefix = "" if alone else f"{name}/"
            columns |= {f"{prefix}{column}": _Column(dataset, index, kind) for index, column in numbered}
    if not columns:
        listed = ", ".join(map(_described, datasets[:20])) or "none"
        raise DataError(
            f"{path} must have one-dimensional datasets, or two-dimensional ones of rows by columns; its datasets "
            f"are: {listed}"
        )
    return columns


def _of_member(dataset: Any, member: str, name: str) -> dict[str, _Column]:  # noqa: ANN401 - h5py has no types
    """Return the columns of a member of a compound dataset, several if each row has an array of them."""
    kind = dataset.dtype[member]
    if not kind.shape:
        return {f"{name}/{member}": _Column(dataset, member, kind)}
    if len(kind.shape) > 1:
        return {}
    known = column_names(dataset, member)
    names = known or [f"{member}/{index}" for index in range(kind.shape[0])]
    return {f"{name}/{column}": _Column(dataset, member, kind.base, index) for index, column in enumerate(names)}


def _refuse_left_out(datasets: Sequence[Any], known: dict[str, _Column], path: Path) -> None:
    """Raise `DataError` for datasets of numbers that have no columns, and for several tables.

    Without requested columns, nobody has chosen between them.
    """
    taken = {column.dataset.name for column in known.values()}
    left = [
        item
        for item in datasets
        if item.name not in taken and item.ndim and (is_numeric(item.dtype) or is_compound_of_sequences(item))
    ]
    tables = [item for item in datasets if item.ndim == 2 and is_numeric(item.dtype)]
    if left:
        raise DataError(
            f"{path}: {', '.join(map(_described, left))} would be left out, since columns have one or two "
            "dimensions; name the columns to use with data.columns, or a dataset with data.tree=NAME"
        )
    if len(tables) > 1:
        raise DataError(
            f"{path} has {len(tables)} tables: {', '.join(map(_described, tables))}; name the columns to use with "
            f"data.columns, such as {tables[0].name.strip('/')}/0, or a table with data.tree=NAME"
            + _as_channels(tables)
        )


def _as_channels(tables: Sequence[Any]) -> str:
    """Return the advice for tables of one shape, which may be the channels of sequences."""
    if len({table.shape for table in tables}) > 1:
        return ""
    names = ",".join(table.name.rpartition("/")[2] for table in tables[:4])
    return f"; if each is a channel of sequences, with data.columns={names}"


def _refuse_hollow(dataset: Any, path: Path) -> None:  # noqa: ANN401 - h5py has no types
    """Raise `DataError` for a dataset that declares far more numbers than the file stores."""
    size, stored = int(dataset.size) * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if size > SMALL and size > LARGEST_RATIO * stored:
        raise DataError(
            f"{path}: {_described(dataset)} declares {size:,} bytes, but the file stores {stored:,} of them; "
            "write the file again"
        )


def _described(dataset: Any) -> str:  # noqa: ANN401 - h5py has no types
    """Return name and shape of a dataset."""
    return f"{dataset.name.strip('/')} ({' x '.join(map(str, dataset.shape)) or 'one value'})"


def _walk(h5py: Any, group: Any, path: Path, seen: set[Any]) -> Iterator[Any]:  # noqa: ANN401 - h5py has no types
    """Yield all items below a group once, in order; broken links are skipped.

    Raises `DataError` for links and datasets whose data are in other files, which the user did not name.
    """
    for name in group:
        if is_index(name):
            continue
        outside = isinstance(group.get(name, getlink=True), h5py.ExternalLink)
        item = None if outside else group.get(name)
        if outside or (isinstance(item, h5py.Dataset) and (item.is_virtual or item.external)):
            raise DataError(
                f"{path}: {name} lies in another file, which is not followed; write all data into one file"
            )
        if item is None or item in seen:
            continue
        seen.add(item)
        yield item
        if isinstance(item, h5py.Group):
            yield from _walk(h5py, item, path, seen)


def _full_names(known: dict[str, _Column]) -> dict[str, str]:
    """Return the full name for each last part of a name that is unique and not a full name itself."""
    last = [name.rpartition("/")[2] for name in known]
    pairs = zip(last, known, strict=True)
    return {short: name for short, name in pairs if last.count(short) == 1 and short not in known}


def _width(dataset: Any) -> int:  # noqa: ANN401 - h5py has no types
    if dataset.dtype.names:
        return sum(math.prod(dataset.dtype[name].shape) for name in dataset.dtype.names)
    return dataset.shape[1] if dataset.ndim == 2 else 1
