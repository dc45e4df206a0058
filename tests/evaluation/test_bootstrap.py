"""Percentile intervals of the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.evaluation.bootstrap import percentile_intervals

VALUES = np.random.default_rng(5).normal(loc=3.0, size=400)


def mean_of(rows: np.ndarray) -> dict[str, float]:
    return {"mean": float(VALUES[rows].mean())}


def test_the_interval_of_a_mean_is_the_one_that_theory_gives():
    low, high = percentile_intervals(mean_of, len(VALUES), 2000, 0.95, 0)["mean"]
    error = VALUES.std() / np.sqrt(len(VALUES))
    assert low == pytest.approx(VALUES.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(VALUES.mean() + 1.96 * error, abs=0.2 * error)


def test_the_draws_follow_their_seed_and_a_wider_interval_holds_a_narrower_one():
    first, again, other = (percentile_intervals(mean_of, 400, 200, 0.9, seed)["mean"] for seed in (1, 1, 2))
    assert first == again != other
    wide = percentile_intervals(mean_of, 400, 200, 0.99, 1)["mean"]
    assert wide.low < first.low < first.high < wide.high


def test_draws_that_cannot_be_judged_are_left_out():
    def figures(rows: np.ndarray) -> dict[str, float]:
        return {"never": float("nan"), "without row 0": float("nan") if (rows == 0).any() else 1.0}

    found = percentile_intervals(figures, 5, 50, 0.95, 0)
    assert np.isnan(found["never"].low)
    assert found["without row 0"] == (1.0, 1.0)
    assert percentile_intervals(figures, 5, 0, 0.95, 0) == {}
