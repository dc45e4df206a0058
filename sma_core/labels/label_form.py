"""The form of labels, numbers, class names or symbols, and the labels of a store."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sma_core.data.labels import limit_of, to_number
from sma_core.data.store.format import LabelForm
from sma_core.data.store.store import Store
from sma_core.errors import DataError
from sma_core.training.finetuning.objective import Limits

_FORMS: dict[str, LabelForm] = {"multiclass": "classes", "per-position": "symbols"}


def form_of(kind: str, censored: bool = False) -> LabelForm:
    """Return the form of labels of a kind; ``censored`` labels are those of a regression."""
    return "censored" if censored else _FORMS.get(kind, "numbers")


def row_labels(store: Store) -> NDArray[np.float64]:
    """Return the labels (n, T) of all rows, NaN where missing; T is 0 for labels of positions.

    Raises `DataError` when the store has no labels.
    """
    if store.metadata.has_symbols:
        return np.zeros((len(store), 0))
    if store.targets is None:
        raise DataError("this store was prepared without labels")
    return store.targets.astype(np.float64)


def row_limits(store: Store, names: Sequence[str]) -> Limits | None:
    """Return the limits of the targets ``names``; None if the store has labels of another form."""
    if store.metadata.label_form != "censored":
        return None
    values, sides = np.full((len(store), len(names)), math.nan), np.zeros((len(store), len(names)), dtype=np.int8)
    for column, name in enumerate(names):
        texts, indices = store.extra(name)
        limits = [limit_of(text) or (math.nan, 0) for text in texts]
        values[:, column] = np.array([number for number, _ in limits])[indices]
        sides[:, column] = np.array([side for _, side in limits])[indices]
    return Limits(values, sides)


def row_weights(store: Store, column: str | None, where: str) -> NDArray[np.float64] | None:
    """Return the weights (n,) of all rows from a column, which may be negative; None without a column.

    Raises `DataError` for a weight that is missing or not a finite number, and when no weight is positive.
    """
    if column is None:
        return None
    texts, indices = store.extra(column)
    numbers = np.array([math.nan if (value := to_number(text)) is None else value for text in texts])
    wrong = np.flatnonzero(~np.isfinite(numbers)[indices])
    if len(wrong):
        raise DataError(
            f"{where}, row {store.row_number(int(wrong[0])):,}: the weight {column!r} is "
            f"{texts[indices[wrong[0]]]!r}, not a finite number: correct the column, or leave such rows out"
        )
    weights: NDArray[np.float64] = numbers[indices]
    if not (weights > 0).any():
        raise DataError(f"{where}: no row has a positive weight in the column {column!r}")
    return weights
