"""Several sets mixed by weight: which of their rows an epoch has, a function of (seed, epoch, sizes, weights).

An epoch has as many rows as all sets together. Of each set it takes the share that its weight says, from an
endless row of shuffles, so that all rows of a set come before any comes again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import shuffled

_MIXED = 5
"""First word of the seed of a shuffle; differs from those of `sampling` and `packing`."""


class Mixture:
    """Rows of an epoch from ``groups`` of rows, none of them empty, with a weight for each."""

    def __init__(self, groups: Sequence[NDArray[np.int64]], weights: Sequence[float], seed: int) -> None:
        self._groups, self._seed = list(groups), seed
        self.counts = shares(sum(map(len, groups)), weights)
        """How many rows an epoch has of each group."""

    def rows(self, epoch: int) -> NDArray[np.int64]:
        """Return the rows of an epoch, those of the first group first."""
        return np.concatenate([self._of_group(at, epoch) for at in range(len(self._groups))])

    def _of_group(self, at: int, epoch: int) -> NDArray[np.int64]:
        group, count = self._groups[at], self.counts[at]
        first, last = epoch * count, (epoch + 1) * count
        parts = [np.zeros(0, dtype=np.int64)]
        for turn in range(first // len(group), -(-last // len(group))):
            order = shuffled(len(group), self._seed, turn, _MIXED, at)
            begin = turn * len(group)
            parts.append(order[max(first - begin, 0) : last - begin])
        return group[np.concatenate(parts)]


def shares(total: int, weights: Sequence[float]) -> list[int]:
    """Divide ``total`` by weights into whole numbers; what is left over goes to the largest remainders."""
    exact = np.asarray(weights, dtype=np.float64) / sum(weights) * total
    counts = np.floor(exact).astype(np.int64)
    left = total - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:left]] += 1
    found: list[int] = counts.tolist()
    return found
