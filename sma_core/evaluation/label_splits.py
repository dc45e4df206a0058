"""Stratified split: every part has the same mixture of labels.

Letters: n rows, T targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import hashed
from sma_core.errors import DataError
from sma_core.evaluation.splits import Indices

BINS = 10
"""Number of quantile bins of the values of a regression."""
_STRATA = 3
"""Constant that separates this use of the hash from others."""


def stratified_split(
    texts: Sequence[str], valid: float, test: float, seed: int, *, labels: NDArray[np.float64], kind: str
) -> tuple[Indices, Indices, Indices]:
    """Split n rows so that each part has the same mixture of strata.

    A stratum is a class of the first target or, for a regression, a tenth of its values; rows with a missing label
    form a stratum too. ``labels`` (n, T) are NaN where missing. A stratum with too few rows for every part goes to
    training first. Raises `DataError` for labels of positions.
    """
    if not labels.shape[1]:
        raise DataError(
            f"the split 'stratified' needs labels of rows, but {kind} labels belong to positions: choose "
            "split.name random"
        )
    strata = _tenths(labels[:, 0]) if kind == "regression" else _numbered(labels[:, 0])
    order = _spread_evenly(strata, seed)
    tests, valids = round(test * len(texts)), round(valid * len(texts))
    return np.sort(order[tests + valids :]), np.sort(order[tests : tests + valids]), np.sort(order[:tests])


def _tenths(values: NDArray[np.float64]) -> Indices:
    """Return the quantile bin of each value (n,), from 1; 0 where missing."""
    bins = np.zeros(len(values), dtype=np.int64)
    known = np.flatnonzero(~np.isnan(values))
    by_value = known[np.argsort(values[known], kind="stable")]
    bins[by_value] = 1 + np.arange(len(known)) * BINS // max(len(known), 1)
    return bins


def _numbered(classes: NDArray[np.float64]) -> Indices:
    """Return the number of each class (n,); missing ones share a number."""
    numbers: Indices = np.unique(classes, return_inverse=True)[1].astype(np.int64)
    return numbers


def _spread_evenly(strata: Indices, seed: int) -> Indices:
    """Return an order of the rows in which every prefix has about the same mixture of strata.

    The m rows of a stratum are shuffled and get the keys (0.5, 1.5, …) / m; rows are sorted by key, ties shuffled.
    """
    noise = hashed(np.arange(len(strata)), seed, _STRATA)
    shuffled = np.lexsort((noise, strata))
    sizes = np.bincount(strata)
    within = np.arange(len(strata)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    keys = np.empty(len(strata))
    keys[shuffled] = (within + 0.5) / np.repeat(sizes, sizes)
    return np.lexsort((noise, keys)).astype(np.int64)
