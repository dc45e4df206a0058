"""Compare rows of numbers with the rows that a model was trained on: missing values, and values in other units.

Letters: m vectors, that is rows of a table or positions of sequences; F features or channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sma_core.data.scaling import TREATMENTS, FeatureScale, ScaleSums, transformed
from sma_core.printable import counted

VECTORS_COMPARED = 100_000
"""Vectors, the first ones, of which mean and standard deviation are computed."""
FEWEST_VECTORS = 30
"""With fewer vectors nothing is said of their units."""
FARTHEST_MEAN = 10.0
"""Distance of means, in standard deviations of the training rows, from which units seem to differ."""
LARGEST_RATIO = 20.0
"""Ratio of standard deviations, either way, from which units seem to differ."""
MOST_LISTED = 8


class OtherRows:
    """Collects what is unusual in rows that a model reads after its training.

    ``missing_values`` is the setting of that name; ``knows_missing`` tells whether training rows had any.
    """

    def __init__(self, scale: FeatureScale, missing_values: str, knows_missing: bool) -> None:
        self._scale = scale
        self._treatment = (
            TREATMENTS[missing_values]
            if knows_missing
            else ("are read as the mean, since pre-training rows had none; pre-train on rows that have them")
        )
        self._vectors = 0
        self._missing = np.zeros(len(scale.columns), dtype=np.int64)
        self._sums = ScaleSums(len(scale.columns))

    def add(self, values: NDArray[np.float32]) -> None:
        """Count values (m, F), NaN where missing."""
        left = VECTORS_COMPARED - self._vectors
        if left > 0:
            self._sums.add(transformed(values[:left], self._scale.columns, self._scale.transforms))
        self._vectors += len(values)
        self._missing += np.isnan(values).sum(axis=0)

    def warnings(self, of_what: str = "share of the values") -> list[str]:
        """Return a sentence on missing values, whose shares are those ``of_what``, and one on other units."""
        return [*self._of_missing(of_what), *self._of_units()]

    def _of_missing(self, of_what: str) -> list[str]:
        missing = self._missing / max(self._vectors, 1)
        names = self._scale.columns
        order = np.argsort(-missing, kind="stable").tolist()
        listed = [f"{names[index]} {100 * missing[index]:.3g} %" for index in order if missing[index]]
        if not listed:
            return []
        features = counted(len(names), "feature")
        return [
            f"missing values in {len(listed)} of {features}, which {self._treatment}; {of_what}: {_some(listed)}"
        ]

    def _of_units(self) -> list[str]:
        if self._vectors < FEWEST_VECTORS:
            return []
        own, usual = self._sums.scale(self._scale.columns, self._scale.transforms), self._scale
        apart = {*own.constant, *own.missing, *usual.constant, *usual.missing}
        listed = []
        for index, name in enumerate(usual.columns):
            ratio = own.spread[index] / usual.spread[index]
            distance = abs(own.mean[index] - usual.mean[index]) / usual.spread[index]
            narrow = name not in apart and not 1 / LARGEST_RATIO <= ratio <= LARGEST_RATIO
            if narrow or (distance > FARTHEST_MEAN and name not in own.missing):
                listed.append(f"{name} ({_in_words(own, index)} instead of {_in_words(usual, index)})")
        if not listed:
            return []
        return [
            "features whose mean ± standard deviation is far from that of the training rows, as in other units: "
            f"{_some(listed)}"
        ]


def _in_words(scale: FeatureScale, index: int) -> str:
    """Return mean and standard deviation of a feature; the scale of a constant one has 1 instead of 0."""
    spread = 0.0 if scale.columns[index] in scale.constant else scale.spread[index]
    return f"{scale.mean[index]:.3g} ± {spread:.3g}"


def _some(listed: list[str]) -> str:
    return ", ".join(listed[:MOST_LISTED]) + (f", … ({len(listed)} in all)" if len(listed) > MOST_LISTED else "")
