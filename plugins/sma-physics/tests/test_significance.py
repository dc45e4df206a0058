"""The approximate median significance, by hand."""

import math

import numpy as np
import pytest

from sma_physics.significance import best_significance


def ams(s: float, b: float) -> float:
    return math.sqrt(2 * ((s + b + 10) * math.log(1 + s / (b + 10)) - s))


def test_the_best_threshold_counts():
    labels = np.array([1.0, 1.0, 0.0, 1.0, 0.0])
    scores = np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    weights = np.array([5.0, 5.0, 50.0, 1.0, 500.0])
    expected = max(ams(5, 0), ams(10, 0), ams(10, 50), ams(11, 50), ams(11, 550))
    assert best_significance(labels, scores, weights) == pytest.approx(expected)
    assert best_significance(labels, -scores, weights) < expected


def test_events_of_equal_score_are_on_one_side_and_negative_sums_are_left_out():
    labels, weights = np.array([1.0, 0.0, 0.0]), np.array([4.0, 7.0, -20.0])
    assert best_significance(labels, np.array([0.5, 0.5, 0.1]), weights) == pytest.approx(ams(4, 7))
    assert math.isnan(best_significance(np.ones(3), weights, weights))


def test_tasks_of_events_have_it_only_with_weights():
    from sma_core.evaluation.metric_set import MetricSet
    from sma_core.plugins.registry import Registry

    metrics = MetricSet.of(Registry.load("physics"), "binary")
    labels, scores = np.array([[1.0], [0.0]]), np.array([[0.9], [0.1]])
    assert "ams" not in metrics.compute(labels, scores)
    assert metrics.compute(labels, scores, np.ones(2))["ams"] == pytest.approx(ams(1, 0))
    assert metrics.find("ams", weighted=True).higher_is_better
