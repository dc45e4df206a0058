"""What a baseline receives, and the core's own baseline: a constant prediction.

A baseline is a function of `BaselineRows`. It is registered with the hook ``sma_baselines``.

Shapes: n rows, F features, T targets, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sma_core.evaluation.calibration import Array

BaselineInputs: TypeAlias = Sequence[str] | NDArray[np.float32] | Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class BaselineRows:
    """The n rows of a task, with the split of fine-tuning.

    ``inputs`` are n texts, numbers (n, F), or a list of n sequences (n_i, C); NaN where missing. ``labels`` (n, T)
    are NaN where missing and in every test row; classes are indices into ``classes``. ``train`` and ``valid`` are
    indices into the n rows. ``weights`` (n,) are the weights of rows, None without weights; negative ones, which
    most models do not support, are 0.
    """

    inputs: BaselineInputs
    labels: Array
    kind: str
    classes: tuple[str, ...]
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    seed: int
    weights: Array | None = None

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
        indicators = np.vstack(
            [np.eye(len(rows.classes)), np.full(len(rows.classes), np.nan)]
        )  # the last: missing
        known = indicators[np.nan_to_num(known[:, 0], nan=-1).astype(np.int64)]
    weights = np.ones(len(known)) if rows.weights is None else rows.weights[rows.train]
    weights = weights[:, None] * ~np.isnan(known)
    total = weights.sum(axis=0)
    prediction: Array = np.nansum(known * weights, axis=0) / np.where(total, total, 1.0)
    return np.tile(prediction, (len(rows.labels), 1))
