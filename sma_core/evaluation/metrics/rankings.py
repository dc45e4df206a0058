"""Metrics of binary labels that depend on the order of the predictions alone.

Labels (n,) are 0 or 1, predictions (n,) probabilities. Both are NaN when all labels are alike, and when the
weights of a class, which may be negative, do not have a positive sum.
"""

from __future__ import annotations

import numpy as np

from sma_core.evaluation.calibration import Array
from sma_core.plugins.metrics import metric


def _has_both_classes(labels: Array, weights: Array | None) -> bool:
    counts = np.ones(len(labels)) if weights is None else weights
    return all((labels == label).any() and counts[labels == label].sum() > 0.0 for label in (0, 1))


@metric("roc_auc", "binary", "multilabel", higher_is_better=True)
def roc_auc(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """Area under the ROC curve: the chance that a positive row ranks above a negative one."""
    from sklearn.metrics import roc_auc_score

    if not _has_both_classes(labels, weights):
        return float("nan")
    return float(roc_auc_score(labels, predictions)) if weights is None else _area(labels, predictions, weights)


def _area(labels: Array, predictions: Array, weights: Array) -> float:
    """Return the area under the ROC curve of rows with weights, some of which may be negative."""
    order = np.argsort(-predictions, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(predictions[order])), len(order) - 1)  # last row of each value
    positive, negative = (
        np.concatenate([[0.0], np.cumsum(weights[order] * (labels[order] == label))[ends]]) for label in (1, 0)
    )
    area = np.sum((positive[1:] + positive[:-1]) / 2 * np.diff(negative))  # by trapezoids
    return float(area / (positive[-1] * negative[-1]))


@metric("pr_auc", "binary", "multilabel", higher_is_better=True)
def average_precision(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """Average precision, the area under the precision-recall curve."""
    from sklearn.metrics import average_precision_score

    if not _has_both_classes(labels, weights):
        return float("nan")
    return float(average_precision_score(labels, predictions, sample_weight=weights))
