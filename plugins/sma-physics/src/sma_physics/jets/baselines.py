"""Baselines for jets: boosted trees or a linear model on variables of whole jets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from sma_bench.baselines import BaselineRows, fit_boosted_trees, fit_linear
from sma_core.data.sequences import Sequences
from sma_physics.jets.features import CHANNELS
from sma_physics.jets.variables import jet_variables


def boosted_trees(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit LightGBM to mass, shapes and the other variables of jets."""
    return fit_boosted_trees(_variables(rows), rows)


def linear(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to the standardised variables of jets."""
    variables = _variables(rows)
    return fit_linear(StandardScaler().fit(variables[rows.train]).transform(variables), rows)


def _variables(rows: BaselineRows) -> NDArray[np.float64]:
    return jet_variables(Sequences.joined((np.asarray(row) for row in rows.inputs), len(CHANNELS)))
