"""Metrics of classes that are decided: for binary labels at a probability of 0.5, else by the most probable class.

Labels (n,) are 0 and 1, or class numbers. Predictions are (n,) probabilities of a binary target, (n, C)
probabilities of classes, or (n, 1) the classes themselves.
"""

from __future__ import annotations

import numpy as np

from sma_core.evaluation.calibration import Array
from sma_core.evaluation.calibration import calibration_error as binary_calibration_error
from sma_core.plugins.metrics import metric


def decided_classes(predictions: Array) -> Array:
    """Return the predicted class (n,) of each row or position."""
    if predictions.ndim == 1:
        return (predictions > 0.5).astype(np.float64)
    return predictions[:, 0] if predictions.shape[1] == 1 else predictions.argmax(axis=1).astype(np.float64)


@metric("accuracy", "binary", "multilabel", "multiclass", "per-position", higher_is_better=True)
def accuracy(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """Fraction of rows or positions with the right class."""
    return float(np.average(decided_classes(predictions) == labels, weights=weights))


@metric("f1", "binary", "multilabel", higher_is_better=True)
def f1(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """F1 score of the positive class; NaN where nothing is positive and nothing is predicted to be."""
    from sklearn.metrics import f1_score

    decided = decided_classes(predictions)
    return float(f1_score(labels, decided, sample_weight=weights, zero_division=float("nan")))


@metric("top_5_accuracy", "multiclass", higher_is_better=True, more_classes_than=5)
def top_5_accuracy(labels: Array, predictions: Array) -> float:
    """Fraction of rows whose class is among the five most probable ones."""
    from sklearn.metrics import top_k_accuracy_score

    return float(top_k_accuracy_score(labels, predictions, k=5, labels=np.arange(predictions.shape[1])))


@metric("macro_f1", "multiclass", "per-position", higher_is_better=True)
def macro_f1(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """F1 score averaged over classes."""
    from sklearn.metrics import f1_score

    decided = decided_classes(predictions)
    return float(f1_score(labels, decided, average="macro", sample_weight=weights, zero_division=0))


@metric("calibration_error", "binary", "multilabel", "multiclass", higher_is_better=False)
def calibration_error(labels: Array, predictions: Array) -> float:
    """Expected calibration error: the mean gap between a probability and how often it comes true, in ten bins.

    For several classes it is that of the most probable class.
    """
    if predictions.ndim == 1:
        return binary_calibration_error(labels, predictions)
    hits = (decided_classes(predictions) == labels).astype(np.float64)
    return binary_calibration_error(hits, predictions.max(axis=1))
