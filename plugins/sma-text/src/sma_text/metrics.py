"""Metrics of GLUE that the core does not have.

Letters: n rows, C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def matthews(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return Matthews' correlation of labels (n,) and probabilities (n,) or (n, C).

    It is 0 where all predictions are one class, as in scikit-learn, and NaN where all labels are: then nothing can
    be told, as for ROC-AUC.
    """
    from sklearn.metrics import matthews_corrcoef

    classes = predictions.argmax(axis=1) if predictions.ndim == 2 else (predictions > 0.5).astype(np.float64)
    if np.ptp(labels) == 0:
        return float("nan")
    return float(matthews_corrcoef(labels, classes, sample_weight=weights))


def pearson(labels: Array, predictions: Array) -> float:
    """Return Pearson's correlation of labels (n,) and predictions (n,); NaN where one is constant."""
    if np.ptp(labels) == 0 or np.ptp(predictions) == 0:
        return float("nan")
    return float(np.corrcoef(labels, predictions)[0, 1])
