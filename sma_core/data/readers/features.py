"""Which columns of a table of numbers are features, and which come along; shared by the readers of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers.csv import choose_column
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError


@dataclass(frozen=True)
class Chosen:
    """Positions in a table's columns: of the features, and of the further columns; and their names."""

    features: tuple[int, ...]
    fields: tuple[int, ...]
    columns: tuple[str, ...]

    @classmethod
    def among(cls, names: Sequence[str], columns: Sequence[str], fields: Sequence[str], path: Path) -> Self:
        """Find ``columns`` (empty: all but ``fields``) and ``fields`` among ``names``.

        Raises `DataError` when one is not there, a name asked for is there twice, or no column is left.
        """
        others = tuple(_position(names, field, path) for field in fields)
        if columns:
            features = tuple(_position(names, column, path) for column in columns)
        else:
            features = tuple(at for at in range(len(names)) if at not in others)
        if not features:
            raise DataError(f"{path} has no column besides {', '.join(fields)}, so nothing for a model to read")
        return cls(features, others, tuple(names[at] for at in features))


def _position(names: Sequence[str], wanted: str, path: Path) -> int:
    name = choose_column(names, wanted, (), path)
    if names.count(name) > 1:
        raise DataError(f"{path} has {names.count(name)} columns named {name!r}; give each a name of its own")
    return names.index(name)


def given_names(names: Sequence[str], count: int, path: Path) -> list[str]:
    """Return the names of ``count`` columns, their numbers from 0 when none are given."""
    if names and len(names) != count:
        raise DataError(f"{path} has {count} columns, but {len(names)} names are given for them")
    return list(names) or [str(at) for at in range(count)]


def finite_block(
    numbers: NDArray[np.int64],
    values: NDArray[np.float32],
    fields: tuple[NDArray[Any], ...],
    columns: tuple[str, ...],
) -> tuple[list[RejectedRow], Block]:
    """Set aside the rows of values (n, F) that hold an infinity; give these and the block of the others."""
    block = Block(numbers, values, fields, columns)
    infinite = np.isinf(values)
    if not infinite.any():
        return [], block
    bad = infinite.any(axis=1)
    firsts = infinite.argmax(axis=1)
    rejected = [
        RejectedRow(int(numbers[at]), f"not a finite number: {columns[firsts[at]]} is {values[at, firsts[at]]}")
        for at in np.flatnonzero(bad).tolist()
    ]
    return rejected, block.take(np.flatnonzero(~bad))
