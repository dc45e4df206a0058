"""The nearest of many vectors, by Euclidean distance between standardised vectors.

Letters: n vectors of the library, m rows, D width of a vector, k neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sma_core.errors import UserError

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Library:
    """Vectors (n, D) among which to search; distances are those of vectors divided by the spread of each number.

    A distance is divided by the square root of D, so that two random vectors of the library are about 1.4 apart.
    """

    spread: NDArray[np.float64]
    index: Any

    @classmethod
    def of(cls, vectors: Vectors) -> Self:
        """Build the index of vectors (n, D), n >= 1, all finite."""
        if find_spec("sklearn") is None:
            raise UserError('neighbours need the package scikit-learn: pip install "sma-view[trust]"')
        from sklearn.neighbors import NearestNeighbors

        spread = vectors.std(axis=0, dtype=np.float64)
        spread = np.where(spread > 0, spread, 1.0) * np.sqrt(vectors.shape[1])
        return cls(spread, NearestNeighbors(algorithm="brute").fit(vectors / spread))

    def __len__(self) -> int:
        return int(self.index.n_samples_fit_)

    def nearest(self, vectors: Vectors, count: int = 1) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return distances and indices of the ``count`` nearest vectors, each (m, count), the nearest first.

        There are no more than the library has. A vector that is not finite has the distance NaN and the index -1.
        """
        shape = (len(vectors), min(count, len(self)))
        distances, indices = np.full(shape, np.nan), np.full(shape, -1, dtype=np.int64)
        finite = np.isfinite(vectors).all(axis=1)
        if finite.any():
            distances[finite], indices[finite] = self.index.kneighbors(vectors[finite] / self.spread, shape[1])
        return distances, indices
