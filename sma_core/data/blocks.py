"""What a reader of numbers yields: blocks of rows, and rows set aside."""

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
    """Some usable rows, in the order of their file: n rows of F features."""

    numbers: NDArray[np.int64]
    """(n,) numbers of the rows in their file, from 1, ascending."""
    values: NDArray[np.float32]
    """(n, F) finite, or NaN where missing."""
    fields: tuple[NDArray[Any], ...] = ()
    """For each further column asked for, (n,) float32 when numeric, NaN where missing; else objects: str."""
    columns: tuple[str, ...] = ()
    """Names of the F features, the same in every block of a file; empty: those asked for, else their numbers."""

    def __len__(self) -> int:
        return len(self.numbers)

    def names(self, asked: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the F features, when ``asked`` are the columns that the reader was given."""
        return self.columns or tuple(asked) or tuple(str(at) for at in range(self.values.shape[1]))

    def take(self, at: NDArray[np.int64]) -> Block:
        """Return the rows at these indices."""
        fields = tuple(field[at] for field in self.fields)
        return Block(self.numbers[at], self.values[at], fields, self.columns)


class BlockReader(Protocol):
    """Streams a file of numbers in bounded memory.

    ``columns`` names the features in the order wanted; empty: all columns that are not in ``fields``.
    ``fields`` names further columns. ``names`` are the names of all columns, for a file without a header.
    Rows set aside come before the block they stand in. What spoils the whole file is a `DataError`.
    """

    def __call__(
        self, path: Path, columns: Sequence[str], fields: Sequence[str], *, names: Sequence[str] = ()
    ) -> Iterator[Block | RejectedRow]:
        """Stream the rows of ``path``."""
        ...
