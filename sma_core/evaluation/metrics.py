"""Figures of merit for predictions, computed by scikit-learn and scipy, missing labels left out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, roc_auc_score, root_mean_squared_error

from sma_core.errors import ConfigError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A figure of one target: ``compute(labels (n,), predictions (n,))``."""

    name: str
    higher_is_better: bool
    compute: Callable[[Array, Array], float]


def _spearman(labels: Array, predictions: Array) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # constant input: the answer is nan, which says enough
        return float(spearmanr(labels, predictions).statistic)


def _roc_auc(labels: Array, predictions: Array) -> float:
    if len(np.unique(labels)) < 2:
        return float("nan")
    return float(roc_auc_score(labels, predictions))


def _accuracy(labels: Array, predictions: Array) -> float:
    return float(np.mean((predictions > 0.5) == (labels > 0.5)))


METRICS = {
    metric.name: metric
    for metric in (
        Metric("rmse", False, lambda y, p: float(root_mean_squared_error(y, p))),
        Metric("mae", False, lambda y, p: float(mean_absolute_error(y, p))),
        Metric("r2", True, lambda y, p: float(r2_score(y, p)) if len(y) > 1 else float("nan")),
        Metric("spearman", True, _spearman),
        Metric("roc_auc", True, _roc_auc),
        Metric("accuracy", True, _accuracy),
    )
}
KIND_METRICS = {
    "regression": ("rmse", "mae", "r2", "spearman"),
    "binary": ("roc_auc", "accuracy"),
    "multilabel": ("roc_auc", "accuracy"),
}
"""The figures of each kind of task, the one that selects a checkpoint first."""


def find_metric(name: str, kind: str) -> Metric:
    """Return the metric ``name``; raises `ConfigError` when a task of this kind has no such figure."""
    if name not in KIND_METRICS[kind]:
        raise ConfigError(f"a {kind} task has no metric {name!r}: it has {', '.join(KIND_METRICS[kind])}")
    return METRICS[name]


def compute_metrics(kind: str, labels: Array, predictions: Array) -> dict[str, float]:
    """Return every figure for a kind of task, each the mean over the targets that can be judged.

    ``labels`` (n, T) with NaN where missing; ``predictions`` (n, T), values in the labels' units for
    regression, probabilities otherwise. A figure is NaN where no target can be judged.
    """
    figures = {}
    for name in KIND_METRICS[kind]:
        values = []
        for target in range(labels.shape[1]):
            known = ~np.isnan(labels[:, target])
            if known.any():
                values.append(METRICS[name].compute(labels[known, target], predictions[known, target]))
        usable = [value for value in values if not np.isnan(value)]
        figures[name] = float(np.mean(usable)) if usable else float("nan")
    return figures
