"""Rows of an HDF5 file that are sequences of vectors.

They are a dataset of three dimensions (rows, positions, channels), a compound dataset of two dimensions, whose
members are channels, or several datasets of two dimensions, each of which is a channel. One-dimensional datasets,
and members of one-dimensional compound datasets, are further columns.

Letters: n rows, N positions, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers.arrays import check_lengths, padded_sequences, refuse_empty
from sma_core.data.readers.features import Chosen, given_names, remaining
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError
from sma_physics.readers.blocks import is_numeric


@dataclass(frozen=True)
class Member:
    """A member of an open compound dataset, or a whole dataset, read like an array."""

    dataset: Any
    name: str | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        kind: np.dtype[Any] = self.dataset.dtype if self.name is None else self.dataset.dtype[self.name]
        return kind

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the dataset."""
        return tuple(self.dataset.shape)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, rows: Any) -> NDArray[Any]:  # noqa: ANN401 - an index or a slice
        part = self.dataset[rows]
        values: NDArray[Any] = part if self.name is None else part[self.name]
        return values


@dataclass(frozen=True)
class Channels:
    """Members of one shape (n, N), read like an array (n, N, C)."""

    members: tuple[Member, ...]
    names: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, N, C)."""
        return (*self.members[0].shape, len(self.members))

    def __len__(self) -> int:
        return len(self.members[0])

    def __getitem__(self, rows: Any) -> NDArray[Any]:  # noqa: ANN401 - an index or a slice
        return np.stack([member[rows] for member in self.members], axis=-1)


@dataclass(frozen=True)
class SequenceRows:
    """An array (n, N, C), the names of its channels if they have any, and the datasets that it is read from."""

    array: Any
    names: tuple[str, ...]
    datasets: tuple[Any, ...]

    def read(
        self,
        path: Path,
        datasets: Sequence[Any],
        requested: tuple[Sequence[str], Sequence[str], Sequence[str]],
        names: Sequence[str],
    ) -> Iterator[Block | RejectedRow]:
        """Yield the rows; ``requested`` are columns, fields and excluded columns, ``names`` those of channels."""
        refuse_empty(path, self.array.shape)
        others = _further(datasets, len(self.array))
        check_lengths(path, self.array.shape, others)  # type: ignore[arg-type]
        channels = given_names(names or self.names, self.array.shape[2], path)
        columns, *further = requested
        wanted_first, last, left_out = ([_last(name) for name in list_] for list_ in (columns, *further))
        wanted = wanted_first or remaining(channels, left_out, path)
        chosen = Chosen.among([*channels, *others], wanted, last, path, left_out)
        try:
            for rejected, block in padded_sequences(path, self.array, others, chosen):  # type: ignore[arg-type]
                yield from rejected
                if len(block):
                    yield block
        except OSError as error:
            raise DataError(f"{path} is damaged: {error}") from error


def find_sequences(inside: Sequence[Any], columns: Sequence[str]) -> SequenceRows | None:
    """Return the rows of the only dataset of sequences, or of the ``columns`` that name datasets (n, N).

    None if the file has tables, or several datasets of sequences and nobody has chosen.
    """
    tables = {item.name.strip("/"): item for item in inside if item.ndim == 2 and is_numeric(item.dtype)}
    datasets = [item for item in inside if item.ndim == 3 and is_numeric(item.dtype)]
    datasets += [item for item in inside if is_compound_of_sequences(item)]
    if len(datasets) == 1 and not tables:
        (item,) = datasets
        if item.ndim == 3:
            return SequenceRows(item, (), (item,))
        names = tuple(item.dtype.names)
        return SequenceRows(Channels(tuple(Member(item, name) for name in names), names), names, (item,))
    full = {_last(name): name for name in tables} | {name: name for name in tables}
    named = [tables[full[name]] for name in columns if name in full]
    if named and len(named) == len(columns) and len({item.shape for item in named}) == 1:
        names = tuple(_last(name) for name in columns)
        return SequenceRows(Channels(tuple(map(Member, named)), names), names, tuple(named))
    return None


def is_compound_of_sequences(item: Any) -> bool:  # noqa: ANN401 - h5py has no types
    """Return whether a dataset (n, N) has members that are single numbers."""
    kind = item.dtype
    return bool(item.ndim == 2 and kind.names) and all(is_numeric(kind[name]) for name in kind.names)


def _further(datasets: Sequence[Any], rows: int) -> Mapping[str, Member]:
    """Return the one-dimensional columns of so many rows, by the last parts of their names."""
    others: dict[str, Member] = {}
    for item in datasets:
        if item.ndim != 1 or len(item) != rows:
            continue
        if not item.dtype.names:
            others[_last(item.name)] = Member(item)
            continue
        others |= {name: Member(item, name) for name in item.dtype.names if not item.dtype[name].shape}
    return others


def _last(name: str) -> str:
    return name.rpartition("/")[2]
