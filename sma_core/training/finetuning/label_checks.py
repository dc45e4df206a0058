"""Guess the kind of labels that are numbers, and check labels against their kind.

Symbols: n rows, T targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sma_core.errors import DataError
from sma_core.training.finetuning.targets import Binary, Labels, Multiclass, MultiLabel, PerPosition, Regression


def guess_kind(labels: Labels, classes: Sequence[str] = ()) -> str:
    """Guess the kind of labels (n, T): class names, and values 0 and 1, are classes; others are regression."""
    if classes:
        return Multiclass.kind
    known = labels[~np.isnan(labels)]
    if np.isin(known, (0.0, 1.0)).all():
        return MultiLabel.kind if labels.shape[1] > 1 else Binary.kind
    return Regression.kind


def check_labels(labels: Labels, names: tuple[str, ...], kind: str, where: str, rows: NDArray[np.int64]) -> None:
    """Raise `DataError` with column, row and value if labels (n, T) do not match ``kind``."""
    check_columns(names, kind)
    if kind not in (Binary.kind, MultiLabel.kind):
        return
    invalid = np.argwhere(~np.isnan(labels) & (labels != 0) & (labels != 1))
    if len(invalid):
        row, column = invalid[0]
        raise DataError(
            f"{where}, row {rows[row]}: the target {names[column]!r} is {labels[row, column]:g}, "
            f"but {kind} labels are 0 or 1; for real values use `kind=regression`, for two other values name the "
            "positive one with `positive`"
        )


def check_columns(names: tuple[str, ...], kind: str) -> None:
    """Raise `DataError` if a kind with a single target column gets several."""
    if kind == Binary.kind and len(names) > 1:
        raise DataError(f"binary takes one target column, not {len(names)}: use `kind=multilabel`")
    if kind in (Multiclass.kind, PerPosition.kind) and len(names) > 1:
        raise DataError(f"{kind} takes one target column, not {len(names)}: name one with `targets`")
