"""Metrics of regressions, from labels (n,) and predictions (n,) in the labels' units."""

from __future__ import annotations

import warnings

import numpy as np

from sma_core.evaluation.calibration import Array
from sma_core.plugins.metrics import metric

ROUNDING = 32 * float(np.finfo(np.float32).eps)
"""Span of predictions, relative to the spread of the labels, that is only rounding of float32."""


@metric("rmse", "regression", higher_is_better=False)
def root_mean_squared_error(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """Root of the mean squared error, in the labels' units."""
    from sklearn.metrics import root_mean_squared_error as score

    return float(score(labels, predictions, sample_weight=weights))


@metric("mse", "regression", higher_is_better=False)
def mean_squared_error(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """Mean squared error, in the labels' units squared."""
    from sklearn.metrics import mean_squared_error as score

    return float(score(labels, predictions, sample_weight=weights))


@metric("mae", "regression", higher_is_better=False)
def mean_absolute_error(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """Mean absolute error, in the labels' units."""
    from sklearn.metrics import mean_absolute_error as score

    return float(score(labels, predictions, sample_weight=weights))


@metric("r2", "regression", higher_is_better=True)
def explained_variance(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """Fraction of the labels' variance that is explained; NaN for constant labels."""
    from sklearn.metrics import r2_score

    if not labels.min() < labels.max():
        return float("nan")
    return float(r2_score(labels, predictions, sample_weight=weights))


@metric("spearman", "regression", higher_is_better=True)
def rank_correlation(labels: Array, predictions: Array) -> float:
    """Spearman's rank correlation; NaN for labels or predictions that are constant but for rounding."""
    if np.ptp(predictions) <= ROUNDING * labels.std():
        return float("nan")
    from scipy.stats import spearmanr

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns of constant input, for which it returns NaN
        return float(spearmanr(labels, predictions).statistic)
