"""Find labels from which nothing can be learned: targets without a value, or with one value in all training rows.

Letters: n rows, T targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sma_core.errors import DataError
from sma_core.training.targets import Labels


def check_learnable(labels: Labels, train: NDArray[np.int64], names: Sequence[str], where: str) -> list[str]:
    """Return a sentence about the targets, if any, that have the same label in all training rows.

    ``labels`` (n, T) are those of all rows, NaN where missing; ``train`` are the indices of training rows. Raises
    `DataError` when a target has no label at all, or all targets have the same label in all training rows.
    """
    empty = [name for name, column in zip(names, labels.T, strict=True) if np.isnan(column).all()]
    if empty:
        raise DataError(
            f"{where}: the target {', '.join(map(repr, empty))} has no label in any usable row: check the column, "
            "or leave it out"
        )
    constant = {
        name: known[0] if len(known) else None
        for name, column in zip(names, labels[train].T, strict=True)
        if len(np.unique(known := column[~np.isnan(column)])) < 2
    }
    if not constant:
        return []
    listed = ", ".join(
        f"{name!r} ({'no label' if value is None else f'always {value:g}'})" for name, value in constant.items()
    )
    sentence = f"targets with one label in all {len(train):,} training rows, which cannot be learned: {listed}"
    if len(constant) == len(names):
        raise DataError(
            f"{where}: {sentence}; give rows with other labels, or another split (split.name, split.seed)"
        )
    return [sentence]


def undefined_selection(metric: str, rows: int) -> str:
    """Return the warning that the metric could not select a checkpoint, on ``rows`` validation rows."""
    return (
        f"{metric} is undefined on the {rows:,} validation rows, so the last step was kept, not the best one: "
        "give more rows, another split.name or split.seed, or another metric (`metric=NAME`)"
    )
