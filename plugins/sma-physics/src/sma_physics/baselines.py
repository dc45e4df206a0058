"""Baselines for events: boosted trees or a linear model on the features, or on statistics of sequences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from sma_bench.baselines import BaselineRows, channel_statistics, fit_boosted_trees, fit_linear


def boosted_trees(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit LightGBM to the features; missing values stay NaN."""
    return fit_boosted_trees(_features(rows), rows)


def linear(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to standardized features; missing values are imputed with the mean."""
    values = _features(rows)
    scaler = StandardScaler().fit(values[rows.train])  # ignores NaN
    return fit_linear(np.nan_to_num(scaler.transform(values)), rows)


def _features(rows: BaselineRows) -> NDArray[np.float64]:
    """Return the features of a table (n, F), or statistics of the channels of sequences."""
    if isinstance(rows.inputs, np.ndarray):
        return np.asarray(rows.inputs, dtype=np.float64)
    return channel_statistics([np.asarray(row) for row in rows.inputs])
