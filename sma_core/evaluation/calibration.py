"""How far predicted probabilities are from what happens: the expected calibration error.

Predictions are sorted into bins of equal width; in each the mean probability is compared with how often it came
true, and the absolute differences are averaged, weighted by the predictions in the bin (Naeini et al. 2015;
Guo et al. 2017).

Letters: n predictions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BINS = 10
"""Bins of equal width between 0 and 1."""


def calibration_error(happened: Array, probabilities: Array) -> float:
    """Return the expected calibration error of ``probabilities`` (n,) of what ``happened`` (n,), 0 or 1.

    It is 0 when events with the probability p happen p of the time, at most 1, and depends on the number of
    bins: compare only figures of as many.
    """
    which = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(which, weights=probabilities - happened, minlength=BINS)
    return float(np.abs(gaps).sum() / len(probabilities))
