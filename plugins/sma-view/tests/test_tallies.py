"""Histograms of values that `sma data inspect` draws."""

from __future__ import annotations

import numpy as np
import pytest

from sma_view.tallies import value_bins


@pytest.mark.parametrize("values", [[1.0, 4.0], [1.0, 2.0, 5.0], [0.0] * 3 + [9.0]])
def test_few_values_are_all_inside(values):
    bins = value_bins(np.array([*values, np.nan], dtype=np.float32), 16)
    assert sum(each.count for each in bins) == len(values)
    assert (bins[0].start, bins[-1].end) == (min(values), max(values))


def test_of_many_values_the_outermost_are_left_out():
    values = np.arange(1000, dtype=np.float32)
    values[-1] = 1e9
    bins = value_bins(values, 16)
    assert bins[-1].end < 1000
    assert sum(each.count for each in bins) == pytest.approx(980, abs=3)


def test_no_value_and_one_value():
    assert value_bins(np.array([np.nan], dtype=np.float32), 16) == []
    assert [each.count for each in value_bins(np.ones(5, dtype=np.float32), 16)] == [5]
