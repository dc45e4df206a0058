"""Percentile intervals of metrics by the bootstrap (Efron 1979).

The metric is computed on resamples of the rows, drawn with replacement; the interval contains the middle fraction
of the values. It covers the choice of test rows only, not another seed or split.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

K = TypeVar("K", bound=Hashable)


class Interval(NamedTuple):
    """Lower and upper bound; both NaN when the metric is undefined in all resamples."""

    low: float
    high: float


def percentile_intervals(
    compute: Callable[[NDArray[np.int64]], Mapping[K, float]],
    rows: int,
    draws: int,
    confidence: float,
    seed: int,
) -> dict[K, Interval]:
    """Return the interval of each metric that ``compute`` returns for row indices (rows,).

    Resamples in which a metric is NaN (for example, with a single class) are ignored.
    """
    generator = np.random.default_rng(seed)
    samples: dict[K, list[float]] = {}
    for _ in range(draws):
        for key, value in compute(generator.integers(rows, size=rows)).items():
            samples.setdefault(key, []).append(value)
    return {key: _middle(np.array(values), confidence) for key, values in samples.items()}


def _middle(values: NDArray[np.float64], confidence: float) -> Interval:
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(float("nan"), float("nan"))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(known, (tail, 1.0 - tail))
    return Interval(float(low), float(high))
