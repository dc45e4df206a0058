"""Values that may stand for missing ones are told, and codes, heavy tails and few rows are not taken for them."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.data.scaling import fit_scale

rng = np.random.default_rng(0)
NORMAL = rng.normal(size=1000).astype(np.float32)


def warned(column, transforms=()):
    scale = fit_scale([column[:, None][:600], column[:, None][600:]], ["b"], transforms)
    sentences = [line for line in scale.warnings(None) if "far from all others" in line]
    assert [*type(scale).from_json(scale.to_json()).warnings(None)] == [*scale.warnings(None)]
    return sentences


@pytest.mark.parametrize("value", [-9999.0, -999.0, 999.0, 1e6])
def test_a_repeated_value_far_from_all_others_is_told(value):
    column = NORMAL.copy()
    column[::7] = value
    assert warned(column) == [
        f"features with a value far from all others in many rows: b ({value:g} in 14.3 %); if it means missing, "
        "name it in data.sentinels"
    ]


def test_a_value_beyond_positive_numbers_is_told():
    column = rng.uniform(0, 0.9, 1000).astype(np.float32)
    column[::50] = -1
    assert "b (-1 in 2 %)" in warned(column)[0]


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(NORMAL, id="normal"),
        pytest.param(rng.exponential(size=1000).astype(np.float32) ** 4, id="heavy tail"),
        pytest.param(np.where(NORMAL > 0, 0, 1 + np.abs(NORMAL)), id="many zeros"),
        pytest.param((NORMAL > 1).astype(np.float32) * 1000, id="two values"),
        pytest.param(rng.integers(0, 4, 1000).astype(np.float32) ** 8, id="codes"),
        pytest.param(np.r_[NORMAL[:-3], [-9999.0] * 3].astype(np.float32), id="three rows"),
        pytest.param(np.full(1000, np.nan, np.float32), id="nothing"),
    ],
)
def test_other_features_are_not(column):
    assert warned(column.astype(np.float32)) == []


def test_transformed_features_are_left_out():
    column = np.abs(NORMAL) + 1
    column[::7] = 1e30
    assert warned(column)
    assert warned(column, [("b", "log")]) == []
