"""Rows that are unlike those a model was trained on."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.data.readers.features import check_grid
from sma_core.data.scaling import fit_scale
from sma_core.data.unusual_rows.other_rows import OtherRows
from sma_core.errors import DataError

NAMES = ("energy", "angle", "year")


def training_rows(rows=1000):
    draw = np.random.default_rng(0)
    year = np.full(rows, 2024.0)
    return np.stack([draw.normal(50, 20, rows), draw.normal(0, 1, rows), year], axis=1).astype(np.float32)


def said(values, missing_values="learned", knows_missing=True):
    other = OtherRows(fit_scale([training_rows()], NAMES), missing_values, knows_missing)
    for part in np.array_split(values, 3):
        other.add(part)
    return other.warnings()


def test_rows_like_those_of_the_training_are_not_mentioned():
    assert said(training_rows()[:200]) == []
    assert said(training_rows()[:200] * np.float32([3, 1, 1])) == []


@pytest.mark.parametrize(("factor", "told"), [(0.01, "0.49 ± 0.195"), (1000, "4.9e+04 ± 1.95e+04")])
def test_another_unit_is_told_by_name(factor, told):
    (sentence,) = said(training_rows() * np.float32([factor, 1, 1]))
    assert sentence.startswith("features whose mean ± standard deviation is far from that of the training rows")
    assert sentence.endswith(f": energy ({told} instead of 49 ± 19.5)")


def test_a_constant_feature_is_told_only_where_it_is_far_away():
    values = training_rows()
    values[:, 1] = 0.5
    assert said(values) == []
    values[:, 1] = 500
    (sentence,) = said(values)
    assert "angle (500 ± 0 instead of" in sentence
    values[:, 1] = training_rows()[:, 1]
    values[:, 2] = 2026
    assert said(values) == []  # two standard deviations of 1, which a constant feature has in the scale
    values[:, 2] = 24
    (sentence,) = said(values)
    assert "year (24 ± 0 instead of 2.02e+03 ± 0)" in sentence


def test_a_few_rows_have_no_units():
    assert said(training_rows()[:20] * 1000) == []


@pytest.mark.parametrize(
    ("missing_values", "knows_missing", "treatment"),
    [
        ("learned", True, "the model reads as missing"),
        ("mean", True, "are replaced by the mean"),
        ("learned", False, "are read as the mean, since pre-training rows had none"),
    ],
)
def test_missing_values_are_counted_in_all_rows(missing_values, knows_missing, treatment):
    values = training_rows()
    values[-100:, 1] = np.nan
    (sentence,) = said(values, missing_values, knows_missing)
    assert sentence.startswith("missing values in 1 of 3 features, which ")
    assert treatment in sentence
    assert sentence.endswith("share of the values: angle 10 %")


@pytest.mark.parametrize(("grid", "expected"), [((), (8, 8)), ((8, 8), None), ((8, 8), (8, 8)), ((4, 8), (8, 8))])
def test_rows_on_the_grid_of_the_model_are_read(grid, expected):
    check_grid(grid, expected, "a.npz")


@pytest.mark.parametrize("grid", [(16, 4), (8, 9), (9, 8), (64,), (8, 8, 1)])
def test_rows_on_another_grid_are_refused(grid):
    with pytest.raises(DataError, match=r"a.npz has rows of .* positions, but model.grid is 8 x 8"):
        check_grid(grid, (8, 8), "a.npz")
