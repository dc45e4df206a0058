"""Baselines for time series: a linear model on statistics of channels, and nearest neighbours.

Letters: n rows, n_i positions of row i, C channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from sma_bench.baselines import BaselineRows, channel_statistics, fit_linear

RESAMPLED = 32
"""Positions to which `nearest` resamples each row."""


def statistics(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to statistics of each channel."""
    features = channel_statistics([np.asarray(row) for row in rows.inputs])
    scaler = StandardScaler().fit(features[rows.train])  # ignores NaN
    return fit_linear(np.nan_to_num(scaler.transform(features)), rows)


def nearest(rows: BaselineRows) -> NDArray[np.float64]:
    """Return the class of the nearest training row as probabilities (n, classes)."""
    from sklearn.neighbors import KNeighborsClassifier

    features = np.stack([_resampled(np.asarray(row)) for row in rows.inputs])  # (n, positions, C)
    known = features[rows.train]
    mean, spread = known.mean(axis=(0, 1)), known.std(axis=(0, 1))
    flat = ((features - mean) / np.where(spread > 0, spread, 1.0)).reshape(len(features), -1)
    labels = rows.labels[rows.train, 0]
    labelled = ~np.isnan(labels)
    model = KNeighborsClassifier(n_neighbors=1).fit(flat[rows.train][labelled], labels[labelled].astype(np.int64))
    predictions = np.zeros((len(flat), len(rows.classes)))
    predictions[np.arange(len(flat)), model.predict(flat)] = 1.0
    return predictions


def _resampled(row: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return a row (n_i, C) at `RESAMPLED` positions, by linear interpolation over missing values too."""
    wanted, places = np.linspace(0.0, 1.0, RESAMPLED), np.linspace(0.0, 1.0, len(row))
    channels = []
    for channel in row.T.astype(np.float64):
        known = ~np.isnan(channel)
        channels.append(np.interp(wanted, places[known], channel[known]) if known.any() else np.zeros(RESAMPLED))
    return np.stack(channels, axis=1)
