"""The approximate median significance (AMS), the figure of the HiggsML challenge (Adam-Bourdarios et al. 2015)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REGULARISATION = 10.0
"""Added to the background, as in the challenge, so that a few events alone have no large significance."""


def best_significance(
    labels: NDArray[np.float64], predictions: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    """Return the largest AMS of the events above a threshold, over all thresholds.

    ``weights`` are expected numbers of events, scaled by the caller to the sum over all events of the file. With
    s and b the sums of weights of signal and background above the threshold, AMS is ``sqrt(2 ((s + b + 10) log(1
    + s / (b + 10)) - s))``. Thresholds above which a sum is negative are left out. NaN when all events have one
    label.
    """
    if labels.min() == labels.max():
        return float("nan")
    order = np.argsort(-predictions, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(predictions[order])), len(order) - 1)  # last event of each value
    signal, background = (np.cumsum(weights[order] * (labels[order] == label))[ends] for label in (1, 0))
    possible = (signal >= 0) & (background >= 0)
    s, b = signal[possible], background[possible] + REGULARISATION
    return float(np.sqrt(2 * ((s + b) * np.log1p(s / b) - s)).max(initial=0.0))
