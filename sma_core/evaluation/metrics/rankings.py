"""Metrics of binary labels that depend on the order of the predictions alone.

Labels (n,) are 0 or 1, predictions (n,) probabilities. Both are NaN when all labels are alike.
"""

from __future__ import annotations

from sma_core.evaluation.calibration import Array
from sma_core.plugins.metrics import metric


def _has_both_classes(labels: Array) -> bool:
    return bool(labels.min(initial=1) < labels.max(initial=0))


@metric("roc_auc", "binary", "multilabel", higher_is_better=True)
def roc_auc(labels: Array, predictions: Array) -> float:
    """Area under the ROC curve: the chance that a positive row ranks above a negative one."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, predictions)) if _has_both_classes(labels) else float("nan")


@metric("pr_auc", "binary", "multilabel", higher_is_better=True)
def average_precision(labels: Array, predictions: Array) -> float:
    """Average precision, the area under the precision-recall curve."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, predictions)) if _has_both_classes(labels) else float("nan")
