"""What a baseline receives, and the core's own baseline: a constant prediction.

A baseline is a function of `BaselineRows`. It is registered with the hook ``sma_baselines``.

Shapes: n rows, F features, T targets, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sma_core.evaluation.calibration import Array


@dataclass(frozen=True)
class BaselineRows:
    """The n rows of a task, with the split of fine-tuning.

    ``inputs`` are n texts or numbers (n, F), NaN where missing. ``labels`` (n, T) are NaN where missing and in
    every test row; classes are indices into ``classes``. ``train`` and ``valid`` are indices into the n rows.
    """

    inputs: Sequence[str] | NDArray[np.float32]
    labels: Array
    kind: str
    classes: tuple[str, ...]
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    seed: int

    @property
    def columns(self) -> int:
        """Number of columns of predictions: C for ``multiclass``, else T."""
        return len(self.classes) or self.labels.shape[1]


def constant(rows: BaselineRows) -> Array:
    """Predict the mean of the training labels for every row, or the frequency of every class.

    Returns (n, T), or (n, C) for ``multiclass``. A target without training labels is predicted as 0.
    """
    known = rows.labels[rows.train]
    if rows.classes:
        known = np.eye(len(rows.classes))[known[~np.isnan(known)].astype(np.int64)]
    count = (~np.isnan(known)).sum(axis=0).clip(min=1)
    prediction: Array = np.nansum(known, axis=0) / count
    return np.tile(prediction, (len(rows.labels), 1))
