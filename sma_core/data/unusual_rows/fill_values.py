"""Find values that may stand for missing ones: one number, far from all others, in many rows of a feature."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE = 2_000_000
"""Largest number of values that are looked at."""
FEWEST_ROWS, SMALLEST_SHARE = 5, 0.005
"""Rows that must have the value, at least, as a number and as a share of those with any."""
FEWEST_OTHERS = 10
"""Distinct other values that a feature must have: with fewer, its values are codes."""


class ValueSample:
    """The first values (n, F) of a set, as many as `SAMPLE`."""

    def __init__(self, features: int) -> None:
        self._rows = max(FEWEST_OTHERS, SAMPLE // max(features, 1))
        self._blocks: list[NDArray[Any]] = []

    def add(self, values: NDArray[Any]) -> None:
        """Add the rows of values (n, F) that are still wanted."""
        if self._rows > 0:
            self._blocks.append(np.array(values[: self._rows]))
            self._rows -= len(values)

    def fill_values(self) -> list[tuple[int, float, float]]:
        """Return the index of a feature, the value and its share of the known rows, for each likely fill value."""
        if not self._blocks:
            return []
        fills = []
        for index, column in enumerate(np.concatenate(self._blocks).T):
            known = column[~np.isnan(column)].astype(np.float64)
            fills += [(index, value, share) for value, share in _far_extremes(known)]
        return fills


def _far_extremes(values: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Return the smallest and the largest value, with its share, if it is repeated and far from all others.

    Far is more than the width of the others, without 1 % at either end.
    """
    fills = []
    for value in (values.min(initial=np.inf), values.max(initial=-np.inf)):
        others = values[values != value]
        count = len(values) - len(others)
        if count < max(FEWEST_ROWS, SMALLEST_SHARE * len(values)) or len(others) < FEWEST_OTHERS:
            continue
        low, high = np.percentile(others, [1, 99])
        if np.abs(others - value).min() > high - low and len(np.unique(others)) >= FEWEST_OTHERS:
            fills.append((float(value), count / len(values)))
    return fills
