"""A split that looks at the labels: every stratum of rows is in each part in its share.

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
"""Into how many bins of as many rows the values of a regression are put."""
_STRATA = 3
"""What the hash is for: an order of its own for each seed."""


def stratified_split(
    texts: Sequence[str], valid: float, test: float, seed: int, *, labels: NDArray[np.float64], kind: str
) -> tuple[Indices, Indices, Indices]:
    """Divide the n rows so that each part has the same mixture of strata as the whole.

    A stratum is a class; of several labels (T > 1) the first one counts; of a regression it is a tenth of the
    values of the first target. Rows whose label is missing are a stratum too. ``labels`` (n, T) are NaN where
    missing. A stratum of too few rows to be in every part goes to training first. Raises `DataError` when labels
    stand at positions and not at rows.
    """
    if not labels.shape[1]:
        raise DataError(
            f"the split 'stratified' needs a label of each row, but {kind} labels stand at positions: choose "
            "split.name random"
        )
    strata = _tenths(labels[:, 0]) if kind == "regression" else _numbered(labels[:, 0])
    order = _spread_evenly(strata, seed)
    tests, valids = round(test * len(texts)), round(valid * len(texts))
    return np.sort(order[tests + valids :]), np.sort(order[tests : tests + valids]), np.sort(order[:tests])


def _tenths(values: NDArray[np.float64]) -> Indices:
    """Number the bin of each value (n,) by its rank; 0 where it is missing."""
    bins = np.zeros(len(values), dtype=np.int64)
    known = np.flatnonzero(~np.isnan(values))
    by_value = known[np.argsort(values[known], kind="stable")]
    bins[by_value] = 1 + np.arange(len(known)) * BINS // max(len(known), 1)
    return bins


def _numbered(classes: NDArray[np.float64]) -> Indices:
    """Number the different values of (n,); missing ones are alike."""
    numbers: Indices = np.unique(classes, return_inverse=True)[1].astype(np.int64)
    return numbers


def _spread_evenly(strata: Indices, seed: int) -> Indices:
    """Order the rows so that each beginning of the order has all strata in their shares.

    The rows of a stratum of m are shuffled and stand at (0.5, 1.5, …) / m; those at one place are shuffled again.
    """
    chance = hashed(np.arange(len(strata)), seed, _STRATA)
    shuffled = np.lexsort((chance, strata))
    sizes = np.bincount(strata)
    within = np.arange(len(strata)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.empty(len(strata))
    place[shuffled] = (within + 0.5) / np.repeat(sizes, sizes)
    return np.lexsort((chance, place)).astype(np.int64)
