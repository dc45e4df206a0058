"""Figures of merit for predictions, computed by scikit-learn and scipy, missing labels left out.

Letters: n rows (or positions), T targets, C classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn import config_context
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
    top_k_accuracy_score,
)

from sma_core.errors import ConfigError
from sma_core.evaluation.calibration import calibration_error

Array = NDArray[np.float64]
Figures = dict[str, float]
"""Figures by name; NaN where there is nothing to judge."""

MOST_COMMON = 5
"""How many of the most probable classes count as a hit in ``top_5_accuracy``."""
NAN = float("nan")


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


def _r2(labels: Array, predictions: Array) -> float:
    """Return the share of the labels' variance that is explained; NaN where they do not vary."""
    return float(r2_score(labels, predictions)) if labels.min() < labels.max() else NAN


def _of_both_classes(score: Callable[[Array, Array], float]) -> Callable[[Array, Array], float]:
    """Make a score of rankings NaN where all labels are alike, so that there is nothing to rank."""
    return lambda labels, predictions: (
        float(score(labels, predictions)) if labels.min(initial=1) < labels.max(initial=0) else NAN
    )


def _accuracy(labels: Array, predictions: Array) -> float:
    return float(np.mean((predictions > 0.5) == (labels > 0.5)))


def _f1(labels: Array, predictions: Array) -> float:
    """Return F1 at a probability of 0.5; NaN where nothing is positive and nothing was said to be."""
    return float(f1_score(labels > 0.5, predictions > 0.5, zero_division=NAN))


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


def _confidence_error(labels: Array, predictions: Array) -> float:
    """Compare the probability of the class that was chosen with how often it is the right one."""
    hits = (_classes(predictions) == labels).astype(np.float64)
    return calibration_error(hits, predictions.max(axis=1))


METRICS = {
    metric.name: metric
    for metric in (
        Metric("rmse", False, lambda y, p: float(root_mean_squared_error(y, p))),
        Metric("mse", False, lambda y, p: float(mean_squared_error(y, p))),
        Metric("mae", False, lambda y, p: float(mean_absolute_error(y, p))),
        Metric("r2", True, _r2),
        Metric("spearman", True, _spearman),
        Metric("roc_auc", True, _of_both_classes(roc_auc_score)),
        Metric("pr_auc", True, _of_both_classes(average_precision_score)),
        Metric("accuracy", True, _accuracy),
        Metric("f1", True, _f1),
        Metric("calibration_error", False, calibration_error),
    )
}
CLASS_METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", True, _class_accuracy),
        Metric("top_5_accuracy", True, _top_5_accuracy),
        Metric("macro_f1", True, _macro_f1),
        Metric("calibration_error", False, _confidence_error),
    )
}
KIND_METRICS = {
    "regression": ("rmse", "mse", "mae", "r2", "spearman"),
    "binary": ("roc_auc", "pr_auc", "accuracy", "f1", "calibration_error"),
    "multilabel": ("roc_auc", "pr_auc", "accuracy", "f1", "calibration_error"),
    "multiclass": ("accuracy", "top_5_accuracy", "macro_f1", "calibration_error"),
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


def compute_metrics(kind: str, labels: Array, predictions: Array) -> Figures:
    """Return every figure for a kind of task, each the mean over the targets that can be judged.

    ``labels`` (n, T) with NaN where missing; ``predictions`` (n, T), values in the labels' units for
    regression, probabilities otherwise. For classes T is 1, and the predictions are probabilities (n, C) or
    classes (n, 1). A figure is NaN where no target can be judged.
    """
    return mean_figures(kind, target_metrics(kind, labels, predictions))


def target_metrics(kind: str, labels: Array, predictions: Array) -> list[Figures]:
    """Return the figures of each of the T targets; arguments as in `compute_metrics`."""
    # Labels and probabilities are our own and have been looked at: scikit-learn need not look again.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        if kind in ("multiclass", "per-position"):
            return [_class_figures(kind, labels[:, 0], predictions)]
        return [_figures(kind, labels[:, at], predictions[:, at]) for at in range(labels.shape[1])]


def mean_figures(kind: str, targets: Sequence[Figures]) -> Figures:
    """Return the mean of each figure over the targets where it is known."""
    names = targets[0] if targets else KIND_METRICS[kind]
    return {name: _mean_of_known([figures[name] for figures in targets]) for name in names}


def _mean_of_known(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else NAN


def _figures(kind: str, labels: Array, predictions: Array) -> Figures:
    """Return the figures of one target over the known labels (n,)."""
    known = ~np.isnan(labels)
    if not known.any():
        return dict.fromkeys(KIND_METRICS[kind], NAN)
    return {name: METRICS[name].compute(labels[known], predictions[known]) for name in KIND_METRICS[kind]}


def _class_figures(kind: str, labels: Array, predictions: Array) -> Figures:
    """Return the figures of classes over the known labels (n,)."""
    known = ~np.isnan(labels)
    names = [name for name in KIND_METRICS[kind] if _enough_classes(name, predictions.shape[1])]
    if not known.any():
        return dict.fromkeys(names, NAN)
    return {name: _metric(name, kind).compute(labels[known], predictions[known]) for name in names}
