"""Expected calibration error: the gap between predicted probabilities and observed frequencies.

Predictions are sorted into bins of equal width. The absolute difference of mean probability and observed frequency
is averaged over bins, weighted by their numbers of predictions (Naeini et al. 2015; Guo et al. 2017).

Letters: n predictions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BINS = 10
"""Number of bins between 0 and 1."""


def calibration_error(happened: Array, probabilities: Array) -> float:
    """Return the error of ``probabilities`` (n,) of events, which ``happened`` (n,) (1) or not (0).

    It is between 0 and 1, and 0 when events of probability p happen in a fraction p of cases. Values for different
    numbers of bins cannot be compared.
    """
    bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=probabilities - happened, minlength=BINS)
    return float(np.abs(gaps).sum() / len(probabilities))
