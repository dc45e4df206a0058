"""Blocks of numeric rows, and the protocol of their readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sma_core.data.records import RejectedRow


@dataclass(frozen=True, slots=True)
class Block:
    """Usable rows in file order: n rows of F features."""

    numbers: NDArray[np.int64]
    """(n,) 1-based row numbers in the file, ascending."""
    values: NDArray[np.float32]
    """(n, F) finite, or NaN where missing."""
    fields: tuple[NDArray[Any], ...] = ()
    """One array (n,) per requested further column: floats with NaN where missing, or objects of type str.

    Use float64 or str where float32 would round (see `sma_core.data.readers.other_columns`).
    """
    columns: tuple[str, ...] = ()
    """Names of the F features, equal in all blocks of a file; empty: the requested names, else their indices."""

    def __len__(self) -> int:
        return len(self.numbers)

    def names(self, requested: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the F features; ``requested`` are the columns passed to the reader."""
        return self.columns or tuple(requested) or tuple(str(index) for index in range(self.values.shape[1]))

    def take(self, indices: NDArray[np.int64]) -> Block:
        """Return the rows at ``indices``."""
        fields = tuple(field[indices] for field in self.fields)
        return Block(self.numbers[indices], self.values[indices], fields, self.columns)


class BlockReader(Protocol):
    """Reads a file of numbers block by block, in bounded memory.

    ``columns`` names the features in the requested order; empty: all columns not in ``fields``. ``fields`` names
    further columns. ``names`` are the names of all columns, for a file without a header. Rejected rows come
    before the block that contains them. Raises `DataError` when the file as a whole is unusable.
    """

    def __call__(
        self, path: Path, columns: Sequence[str], fields: Sequence[str], *, names: Sequence[str] = ()
    ) -> Iterator[Block | RejectedRow]:
        """Stream the rows of ``path``."""
        ...
