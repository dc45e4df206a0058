"""What a physicist would take instead: boosted trees, or a linear model, on the features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from sma_bench.baselines import BaselineRows, fit_boosted_trees, fit_linear


def boosted_trees(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit LightGBM to the features; missing ones stay missing."""
    return fit_boosted_trees(np.asarray(rows.inputs), rows)


def linear(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to the features, standardised with training rows; missing ones are 0."""
    values = np.asarray(rows.inputs)
    scaler = StandardScaler().fit(values[rows.train])  # it leaves missing values out
    return fit_linear(np.nan_to_num(scaler.transform(values)), rows)
