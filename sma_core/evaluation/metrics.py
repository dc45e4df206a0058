"""Figures of merit for predictions, computed by scikit-learn and scipy, missing labels left out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
    top_k_accuracy_score,
)

from sma_core.errors import ConfigError

Array = NDArray[np.float64]


MOST_COMMON = 5
"""How many of the most probable classes count as a hit in ``top_5_accuracy``."""


@dataclass(frozen=True)
class Metric:
    """A figure: ``compute(labels (n,), predictions)``.

    Predictions are (n,) values or probabilities of one target, or (n, C) probabilities of classes, or (n, 1) the
    classes themselves.
    """

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


def _classes(predictions: Array) -> Array:
    """Turn probabilities (n, C), or classes (n, 1), into classes (n,)."""
    return predictions[:, 0] if predictions.shape[1] == 1 else predictions.argmax(axis=1).astype(np.float64)


def _class_accuracy(labels: Array, predictions: Array) -> float:
    return float(accuracy_score(labels, _classes(predictions)))


def _top_5_accuracy(labels: Array, predictions: Array) -> float:
    every = np.arange(predictions.shape[1])
    return float(top_k_accuracy_score(labels, predictions, k=MOST_COMMON, labels=every))


def _macro_f1(labels: Array, predictions: Array) -> float:
    return float(f1_score(labels, _classes(predictions), average="macro", zero_division=0))


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
CLASS_METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", True, _class_accuracy),
        Metric("top_5_accuracy", True, _top_5_accuracy),
        Metric("macro_f1", True, _macro_f1),
    )
}
KIND_METRICS = {
    "regression": ("rmse", "mae", "r2", "spearman"),
    "binary": ("roc_auc", "accuracy"),
    "multilabel": ("roc_auc", "accuracy"),
    "multiclass": ("accuracy", "top_5_accuracy", "macro_f1"),
    "per-position": ("accuracy", "macro_f1"),
}
"""The figures of each kind of task, the one that selects a checkpoint first."""


def find_metric(name: str, kind: str, classes: int | None = None) -> Metric:
    """Return the metric ``name``; raises `ConfigError` when a task of this kind has no such figure.

    ``classes`` is the number of classes, where it is known: a figure that needs more of them is refused.
    """
    usable = [each for each in KIND_METRICS[kind] if classes is None or _enough_classes(each, classes)]
    if name not in usable:
        raise ConfigError(f"a {kind} task has no metric {name!r}: it has {', '.join(usable)}")
    return _metric(name, kind)


def _metric(name: str, kind: str) -> Metric:
    return (CLASS_METRICS if kind in ("multiclass", "per-position") else METRICS)[name]


def _enough_classes(name: str, classes: int) -> bool:
    return name != "top_5_accuracy" or classes > MOST_COMMON


def compute_metrics(kind: str, labels: Array, predictions: Array) -> dict[str, float]:
    """Return every figure for a kind of task, each the mean over the targets that can be judged.

    ``labels`` (n, T) with NaN where missing; ``predictions`` (n, T), values in the labels' units for
    regression, probabilities otherwise. For classes T is 1, and the predictions are probabilities (n, C) or
    classes (n, 1). A figure is NaN where no target can be judged.
    """
    if kind in ("multiclass", "per-position"):
        return _class_figures(kind, labels[:, 0], predictions)
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


def _class_figures(kind: str, labels: Array, predictions: Array) -> dict[str, float]:
    """Return the figures of classes over the known labels (n,)."""
    known = ~np.isnan(labels)
    names = [name for name in KIND_METRICS[kind] if _enough_classes(name, predictions.shape[1])]
    if not known.any():
        return dict.fromkeys(names, float("nan"))
    return {name: _metric(name, kind).compute(labels[known], predictions[known]) for name in names}
