"""Rows that are sequences of vectors, such as time series, jets or spectra.

Letters: n rows, n_i positions of row i, T positions of all rows together, C channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sma_core.data.tokenizers import gather_index


@dataclass(frozen=True, slots=True)
class Sequences:
    """Concatenated sequences: row i is ``values[offsets[i]:offsets[i + 1]]``, (n_i, C)."""

    values: NDArray[Any]
    """(T, C) float32, or float16 or uint8 as a file has them; NaN where missing."""
    offsets: NDArray[np.int64]
    """(n + 1,) from 0 to T."""

    @classmethod
    def joined(cls, rows: Iterable[NDArray[Any]], channels: int) -> Self:
        """Join rows (n_i, C)."""
        listed = [np.asarray(row, dtype=np.float32) for row in rows]
        values = np.concatenate([np.empty((0, channels), dtype=np.float32), *listed])
        return cls(values, bounds_of([len(row) for row in listed]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Return a view of one row (n_i, C)."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,) number of positions of each row."""
        return np.diff(self.offsets)

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Return the rows (m,), in that order."""
        lengths = self.lengths[rows]
        return type(self)(self.values[gather_index(self.offsets[rows], lengths)], bounds_of(lengths))

    def shortened(self, max_length: int) -> Self:
        """Return the first ``max_length`` positions of each row."""
        lengths = self.lengths
        if not len(lengths) or int(lengths.max()) <= max_length:
            return self
        kept = np.minimum(lengths, max_length)
        return type(self)(self.values[gather_index(self.offsets[:-1], kept)], bounds_of(kept))

    def any_in_row(self, positions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return whether any position of each row (n,) is True in ``positions`` (T,)."""
        before = np.concatenate([[0], np.cumsum(positions)])
        return before[self.offsets[1:]] > before[self.offsets[:-1]]

    def as_float32(self) -> Self:
        """Return the rows with float32 values."""
        return type(self)(self.values.astype(np.float32, copy=False), self.offsets)

    def without_values(self) -> NDArray[np.bool_]:
        """Return whether each row (n,) has no value that is not missing."""
        known = np.asarray((~np.isnan(self.values)).any(axis=1))
        return ~self.any_in_row(known)

    def with_infinity(self) -> NDArray[np.bool_]:
        """Return whether each row (n,) has an infinite value."""
        infinite = np.asarray(np.isinf(self.values).any(axis=1))
        return self.any_in_row(infinite)


def bounds_of(lengths: NDArray[np.int64] | list[int]) -> NDArray[np.int64]:
    """Return the offsets (n + 1,) of concatenated rows of these lengths (n,)."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
