"""Baselines for events: boosted trees or a linear model on the features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from sma_bench.baselines import BaselineRows, fit_boosted_trees, fit_linear


def boosted_trees(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit LightGBM to the features; missing values stay NaN."""
    return fit_boosted_trees(np.asarray(rows.inputs), rows)


def linear(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to standardized features; missing values are imputed with the mean."""
    values = np.asarray(rows.inputs)
    scaler = StandardScaler().fit(values[rows.train])  # ignores NaN
    return fit_linear(np.nan_to_num(scaler.transform(values)), rows)
