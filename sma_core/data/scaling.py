"""Standardise numeric features with the mean and standard deviation of the training rows.

Letters: n rows, F features.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sma_core.errors import DataError

SMALLEST_SPREAD = 1e-12


@dataclass(frozen=True)
class FeatureScale:
    """Names, means and standard deviations (``spread``) of F features."""

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return standardised values (n, F) as a new array; missing values (NaN) become 0, the mean."""
        scaled: NDArray[np.float64] = (values - np.asarray(self.mean)) / np.asarray(self.spread)
        scaled[np.isnan(scaled)] = 0.0
        return scaled.astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``model.json`` and the store."""
        return {"columns": list(self.columns), "mean": list(self.mean), "spread": list(self.spread)}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Self:
        """Rebuild what `to_json` wrote."""
        return cls(tuple(facts["columns"]), tuple(facts["mean"]), tuple(facts["spread"]))

    def check_columns(self, columns: Sequence[str], where: str) -> None:
        """Raise `DataError` when ``columns`` differ from these features or their order."""
        if tuple(columns) != self.columns:
            raise DataError(
                f"{where} gives the features {_listed(columns)}, but the model reads {_listed(self.columns)}: "
                "name these columns in this order with data.columns"
            )


class ScaleSums:
    """Running mean and variance in float64, numerically stable for means far from 0."""

    def __init__(self, features: int) -> None:
        self._count = np.zeros(features)
        self._mean = np.zeros(features)
        self._squares = np.zeros(features)

    def add(self, values: NDArray[np.float32]) -> None:
        """Add values (n, F), NaN where missing."""
        known = ~np.isnan(values)
        count = known.sum(axis=0).astype(np.float64)
        numbers = np.where(known, values, 0.0).astype(np.float64)
        mean = numbers.sum(axis=0) / count.clip(min=1)
        squares = (np.where(known, numbers - mean, 0.0) ** 2).sum(axis=0)
        total = self._count + count
        share = count / total.clip(min=1)
        difference = mean - self._mean
        self._squares += squares + difference**2 * self._count * share
        self._mean += difference * share
        self._count = total

    @property
    def known(self) -> NDArray[np.float64]:
        """(F,) number of known values of each feature."""
        return self._count

    @property
    def mean(self) -> NDArray[np.float64]:
        """(F,) means; 0 for a feature without known values."""
        return self._mean

    @property
    def deviation(self) -> NDArray[np.float64]:
        """(F,) standard deviations; 0 for a constant feature."""
        deviation: NDArray[np.float64] = np.sqrt(self._squares / self._count.clip(min=1))
        return deviation

    def scale(self, columns: Sequence[str]) -> FeatureScale:
        """Return the scale; a constant or unknown feature has spread 1."""
        spread = np.where(self.deviation > SMALLEST_SPREAD, self.deviation, 1.0)
        return FeatureScale(tuple(columns), tuple(self._mean.tolist()), tuple(spread.tolist()))


def without_sentinels(values: NDArray[np.float32], sentinels: Sequence[float]) -> NDArray[np.float32]:
    """Replace the values (n, F) that mean "missing" by NaN."""
    for sentinel in sentinels:
        values = np.where(values == np.float32(sentinel), np.float32(np.nan), values)
    return values


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(columns[:8])
    return f"{shown}, … ({len(columns)} in all)" if len(columns) > 8 else shown


def fit_scale(blocks: Iterable[NDArray[np.float32]], columns: Sequence[str]) -> FeatureScale:
    """Compute the scale over blocks of values (n, F)."""
    sums = ScaleSums(len(columns))
    for block in blocks:
        sums.add(block)
    return sums.scale(columns)
