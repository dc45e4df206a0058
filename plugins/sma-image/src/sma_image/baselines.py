"""Baselines for pictures of one size: a linear model on pixels, and nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from sma_bench.baselines import BaselineRows, fit_linear


def linear(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to standardised pixels."""
    pixels = _pixels(rows)
    return fit_linear(StandardScaler().fit(pixels[rows.train]).transform(pixels), rows)


def nearest(rows: BaselineRows) -> NDArray[np.float64]:
    """Return the class of the nearest training picture as probabilities (n, classes)."""
    from sklearn.neighbors import KNeighborsClassifier

    pixels, labels = _pixels(rows), rows.labels[rows.train, 0]
    labelled = ~np.isnan(labels)
    model = KNeighborsClassifier(n_neighbors=1)
    model.fit(pixels[rows.train][labelled], labels[labelled].astype(np.int64))
    predictions = np.zeros((len(pixels), len(rows.classes)))
    predictions[np.arange(len(pixels)), model.predict(pixels)] = 1.0
    return predictions


def _pixels(rows: BaselineRows) -> NDArray[np.float64]:
    """Return all pixels and channels of each picture (n, N * C)."""
    return np.stack([np.asarray(row, dtype=np.float64).ravel() for row in rows.inputs])
