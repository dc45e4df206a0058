"""Blocks of numeric rows, and the protocol of their readers.

Letters: n rows of a block; F features of a table; T positions of all rows together, C channels of sequences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sma_core.data.readers.other_columns import column_texts
from sma_core.data.records import RejectedRow
from sma_core.data.sequences import Sequences


@dataclass(frozen=True, slots=True)
class Block:
    """Usable rows in file order: a table of n rows and F features, or n sequences of vectors with C channels.

    A sequence has one or more positions, each a vector of C numbers; rows may differ in length:

    >>> values = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)  # T = 3 positions, C = 2 channels
    >>> block = Block(np.array([1, 2]), values, columns=("x", "y"), offsets=np.array([0, 2, 3]))
    >>> block.sequences[0].shape, block.sequences[1].shape
    ((2, 2), (1, 2))
    """

    numbers: NDArray[np.int64]
    """(n,) 1-based row numbers in the file, ascending."""
    values: NDArray[Any]
    """(n, F) float32, or (T, C) with ``offsets``, float32, float16 or uint8; finite, or NaN where missing."""
    fields: tuple[NDArray[Any], ...] = ()
    """One array (n,) per requested further column: floats with NaN where missing, or objects of type str.

    Use float64 or str where float32 would round (see `sma_core.data.readers.other_columns`).
    """
    columns: tuple[str, ...] = ()
    """Names of the F features or C channels, equal in all blocks of a file; empty: the requested names, else
    their indices.
    """
    offsets: NDArray[np.int64] | None = None
    """(n + 1,) from 0 to T: row i is ``values[offsets[i]:offsets[i + 1]]``; None for a table."""
    written: tuple[Any, ...] = ()
    """The cells of ``fields`` as they are in the file, one pyarrow array of strings (n,) each; empty if the format
    has no text, or keeps none.
    """
    grid: tuple[int, ...] = ()
    """Sizes of the axes on which the positions of every row lie, such as rows and columns of pixels, the last axis
    fastest; empty: one axis.
    """

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def sequences(self) -> Sequences:
        """The rows of a block of sequences."""
        assert self.offsets is not None, "the rows are those of a table"
        return Sequences(self.values, self.offsets)

    @property
    def empty(self) -> NDArray[np.bool_]:
        """Whether each row (n,) has no known value."""
        rows = Sequences(self.values, np.arange(len(self) + 1)) if self.offsets is None else self.sequences
        return rows.without_values()

    def texts(self) -> list[list[str]]:
        """Return the cells of each of ``fields`` as texts, as written if the reader keeps that."""
        if self.written:
            return [[cell.strip() for cell in column.fill_null("").to_pylist()] for column in self.written]
        return [column_texts(field).tolist() for field in self.fields]

    def names(self, requested: Sequence[str]) -> tuple[str, ...]:
        """Return the names of features or channels; ``requested`` are the columns passed to the reader."""
        return self.columns or tuple(requested) or tuple(str(index) for index in range(self.values.shape[1]))

    def without(self, names: Sequence[str], requested: Sequence[str]) -> Block:
        """Return the block without the features or channels ``names``; ``requested`` is as in `names`."""
        own = self.names(requested)
        kept = [index for index, name in enumerate(own) if name not in names]
        if len(kept) == len(own):
            return self
        return replace(self, values=self.values[:, kept], columns=tuple(own[index] for index in kept))

    def take(self, indices: NDArray[np.int64]) -> Block:
        """Return the rows at ``indices``."""
        numbers, fields = self.numbers[indices], tuple(field[indices] for field in self.fields)
        written = tuple(column.take(indices) for column in self.written)
        if self.offsets is None:
            return Block(numbers, self.values[indices], fields, self.columns, None, written)
        rows = self.sequences.take(indices)
        return Block(numbers, rows.values, fields, self.columns, rows.offsets, written, self.grid)


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
