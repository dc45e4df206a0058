"""How sure a figure is: percentile intervals of the bootstrap (Efron 1979).

Rows are drawn anew with replacement, as many as there are, and the figure is taken of each draw; the interval
holds the middle share of what came out. It speaks of the choice of test rows alone: not of another seed or split.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

K = TypeVar("K", bound=Hashable)


class Interval(NamedTuple):
    """Lower and upper end; both NaN where no draw could be judged."""

    low: float
    high: float


def percentile_intervals(
    compute: Callable[[NDArray[np.int64]], Mapping[K, float]],
    rows: int,
    draws: int,
    confidence: float,
    seed: int,
) -> dict[K, Interval]:
    """Return the interval of each figure that ``compute`` gives for row indices (rows,), drawn with ``seed``.

    Draws in which a figure is NaN (one class only, say) are left out of its interval.
    """
    chance = np.random.default_rng(seed)
    found: dict[K, list[float]] = {}
    for _ in range(draws):
        for key, value in compute(chance.integers(rows, size=rows)).items():
            found.setdefault(key, []).append(value)
    return {key: _middle(np.array(values), confidence) for key, values in found.items()}


def _middle(values: NDArray[np.float64], confidence: float) -> Interval:
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(float("nan"), float("nan"))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(known, (tail, 1.0 - tail))
    return Interval(float(low), float(high))
