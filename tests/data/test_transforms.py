"""Logarithm and asinh of features before they are standardised."""

import numpy as np
import pytest

from sma_core.data.scaling import FeatureScale, fit_scale
from sma_core.errors import DataError

VALUES = np.exp(np.random.default_rng(0).normal(size=(200, 2))).astype(np.float32)
BOTH = (("pt", "log"), ("m", "asinh"))


def test_the_function_is_taken_before_standardising_and_recorded():
    values = VALUES.copy()
    values[3, 0] = np.nan
    scale = fit_scale([values[:90], values[90:]], ("pt", "m"), BOTH)
    scaled = scale(values)
    expected = np.log(values[:, 0].astype(np.float64))
    expected = (expected - np.nanmean(expected)) / np.nanstd(expected)
    np.testing.assert_allclose(scaled[:, 0], expected, atol=1e-5)  # NaN stays
    np.testing.assert_allclose(scale.mean[1], np.arcsinh(values[:, 1].astype(np.float64)).mean(), rtol=1e-6)
    assert FeatureScale.from_json(scale.to_json()) == scale
    assert "transforms" not in fit_scale([values], ("pt", "m")).to_json()


def test_a_value_without_logarithm_is_never_taken_for_the_mean():
    scale = fit_scale([VALUES], ("pt", "m"), BOTH)
    bad = VALUES[:3].copy()
    bad[1, 0] = 0.0
    assert scale.unreadable(bad) == {1: "no logarithm: pt is 0"}
    for use in (scale, lambda values: fit_scale([values], ("pt", "m"), BOTH)):
        with pytest.raises(DataError, match="'pt' has the value 0, which has no logarithm"):
            use(bad)
    with pytest.raises(DataError, match=r"data\.transforms names 'x', which is no feature"):
        fit_scale([VALUES], ("pt", "m"), (("x", "log"),))
