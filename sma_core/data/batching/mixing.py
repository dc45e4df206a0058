"""Mix several sets by weight: the rows of an epoch as a function of (seed, epoch, sizes, weights).

An epoch has as many rows as all sets together, shared by weight. Each set is reshuffled after every pass, so every
row of a set is used once before any row repeats.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import shuffled

_MIXED = 5
"""Part of the seed of a shuffle; differs from those of `sampling` and `packing`."""


class Mixture:
    """Epochs mixed from non-empty ``groups`` of rows, with a weight per group."""

    def __init__(self, groups: Sequence[NDArray[np.int64]], weights: Sequence[float], seed: int) -> None:
        self._groups, self._seed = list(groups), seed
        self.counts = shares(sum(map(len, groups)), weights)
        """Rows per epoch of each group."""

    def rows(self, epoch: int) -> NDArray[np.int64]:
        """Return the rows of an epoch, group by group."""
        return np.concatenate([self._of_group(index, epoch) for index in range(len(self._groups))])

    def _of_group(self, index: int, epoch: int) -> NDArray[np.int64]:
        group, count = self._groups[index], self.counts[index]
        first, last = epoch * count, (epoch + 1) * count
        parts = [np.zeros(0, dtype=np.int64)]
        for turn in range(first // len(group), -(-last // len(group))):
            order = shuffled(len(group), self._seed, turn, _MIXED, index)
            begin = turn * len(group)
            parts.append(order[max(first - begin, 0) : last - begin])
        return group[np.concatenate(parts)]


def shares(total: int, weights: Sequence[float]) -> list[int]:
    """Divide ``total`` by weights into integers; the rest goes to the largest remainders."""
    exact = np.asarray(weights, dtype=np.float64) / sum(weights) * total
    counts = np.floor(exact).astype(np.int64)
    left = total - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:left]] += 1
    result: list[int] = counts.tolist()
    return result
