"""Compare scores with a column of the file: measured effects, or two classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sma_core.data.labels import to_number
from sma_core.evaluation.bootstrap import percentile_intervals
from sma_core.evaluation.metrics.rankings import roc_auc
from sma_core.evaluation.metrics.regression import rank_correlation

DRAWS, CONFIDENCE = 1_000, 0.95


@dataclass(frozen=True)
class Agreement:
    """How the scores of ``rows`` rows, those with a score and a number in ``column``, agree with that column.

    ``metric`` is ``roc_auc``, of high scores for the larger of two numbers, or ``spearman``, the rank correlation.
    ``low`` and ``high`` are its bootstrap interval of 95 %. ``value`` is NaN where the column is constant.
    """

    column: str
    metric: str
    value: float
    low: float
    high: float
    rows: int

    @property
    def sentence(self) -> str:
        """The figure with its interval."""
        figure = f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"
        return f"{self.metric} of the score and {self.column}: {figure}, {self.rows:,} rows"


def agreement(column: str, cells: list[str], scores: NDArray[np.float64]) -> Agreement:
    """Compare scores (n,), NaN where missing, with the ``cells`` of a column."""
    numbers = np.array([np.nan if (number := to_number(cell)) is None else number for cell in cells])
    known = ~np.isnan(scores) & np.isfinite(numbers)
    numbers, scores = numbers[known], scores[known]
    values = np.unique(numbers)
    name, metric = ("roc_auc", roc_auc) if len(values) == 2 else ("spearman", rank_correlation)
    labels = (numbers == values[-1]).astype(np.float64) if len(values) == 2 else numbers

    def compute(rows: NDArray[np.int64]) -> dict[str, float]:
        return {name: metric(labels[rows], scores[rows])}

    if not len(scores):
        return Agreement(column, name, np.nan, np.nan, np.nan, 0)
    interval = percentile_intervals(compute, len(scores), DRAWS, CONFIDENCE, seed=0)[name]
    return Agreement(column, name, metric(labels, scores), *interval, len(scores))
