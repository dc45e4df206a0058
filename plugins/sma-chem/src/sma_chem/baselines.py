"""Baselines for molecules: Morgan fingerprints with a linear model or boosted trees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sma_bench.baselines import BaselineRows, fit_boosted_trees, fit_linear
from sma_chem.fingerprints import fingerprints


def morgan_linear(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to Morgan fingerprints."""
    return fit_linear(fingerprints([str(text) for text in rows.inputs]), rows)


def morgan_boosted_trees(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit LightGBM to Morgan fingerprints."""
    return fit_boosted_trees(fingerprints([str(text) for text in rows.inputs]), rows)
