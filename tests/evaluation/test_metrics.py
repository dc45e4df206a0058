"""Figures of merit, by hand."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from sma_core.errors import ConfigError, PluginError
from sma_core.evaluation.calibration import calibration_error
from sma_core.evaluation.metric_set import MetricSet
from sma_core.plugins.method_specs import Metric
from sma_core.plugins.specs import TaskKind
from tests.support.metrics import core_metrics

NAN = float("nan")


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def test_regression_figures_by_hand():
    figures = core_metrics("regression").compute(column(1, 2, 3, 4), column(1, 2, 3, 8))
    assert figures["rmse"] == pytest.approx(2.0)
    assert figures["mae"] == pytest.approx(1.0)
    assert figures["r2"] == pytest.approx(1 - 16 / 5)
    assert figures["spearman"] == pytest.approx(1.0)


def test_labels_that_do_not_vary_have_no_variance_to_explain():
    assert np.isnan(core_metrics("regression").compute(column(2, 2), column(1, 3))["r2"])


def test_roc_auc_counts_pairs_in_order_and_leaves_missing_labels_out():
    figures = core_metrics("binary").compute(column(0, 0, 1, 1, NAN), column(0.1, 0.6, 0.5, 0.9, 0.0))
    assert figures["roc_auc"] == pytest.approx(3 / 4)
    assert figures["accuracy"] == pytest.approx(2 / 4)


def test_a_multi_label_figure_is_the_mean_over_targets_that_can_be_judged():
    labels = np.array([[0, 1, NAN], [1, 1, NAN], [0, 1, NAN], [1, 1, NAN]], dtype=float)
    predictions = np.array([[0.1, 0.9, 0.5], [0.8, 0.9, 0.5], [0.9, 0.9, 0.5], [0.95, 0.2, 0.5]])
    figures = core_metrics("multilabel").compute(labels, predictions)
    assert figures["roc_auc"] == pytest.approx(3 / 4)
    assert figures["accuracy"] == pytest.approx((3 / 4 + 3 / 4) / 2)


def test_figures_of_classes_by_hand():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1]])
    figures = core_metrics("multiclass").compute(column(0, 1, 1, NAN), probabilities)
    assert figures["accuracy"] == pytest.approx(2 / 3)
    assert figures["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert "top_5_accuracy" not in figures


def test_a_class_among_the_five_most_probable_is_a_hit():
    probabilities = np.array([[0.3, 0.2, 0.15, 0.14, 0.11, 0.1], [0.05, 0.1, 0.15, 0.2, 0.24, 0.26]])
    figures = core_metrics("multiclass").compute(column(5, 1), probabilities)
    assert figures["top_5_accuracy"] == pytest.approx(1 / 2)
    assert figures["accuracy"] == 0.0


def test_each_position_counts_once():
    figures = core_metrics("per-position").compute(column(0, 0, 0, 1), column(0, 0, 1, 1))
    assert figures == {"accuracy": pytest.approx(3 / 4), "macro_f1": pytest.approx((4 / 5 + 2 / 3) / 2)}


def test_figures_that_need_more_classes_are_refused():
    assert core_metrics("multiclass").find("top_5_accuracy", 6).higher_is_better
    with pytest.raises(ConfigError, match="'top_5_accuracy': it has accuracy, macro_f1, calibration_error"):
        core_metrics("multiclass").find("top_5_accuracy", 5)


def test_a_figure_no_target_allows_is_nan():
    assert np.isnan(core_metrics("binary").compute(column(1, 1), column(0.2, 0.3))["roc_auc"])
    assert all(np.isnan(value) for value in core_metrics("multilabel").compute(column(NAN), column(0.2)).values())


def test_an_unsuitable_metric_is_refused_with_those_that_fit():
    with pytest.raises(ConfigError, match="a binary task has no metric 'rmse': it has roc_auc, pr_auc"):
        core_metrics("binary").find("rmse")


def test_the_first_figure_of_each_kind_is_the_one_that_selects():
    first = [core_metrics(kind).find(None).name for kind in get_args(TaskKind)]
    assert first == ["rmse", "roc_auc", "roc_auc", "accuracy", "accuracy"]


def test_average_precision_and_f1_by_hand():
    figures = core_metrics("binary").compute(column(1, 0, 1, 0, NAN), column(0.9, 0.8, 0.7, 0.1, 0.9))
    assert figures["pr_auc"] == pytest.approx((1 + 2 / 3) / 2)
    assert figures["f1"] == pytest.approx(2 * (2 / 3) / (2 / 3 + 1))


def test_rankings_and_f1_are_nan_where_there_is_nothing_to_find():
    figures = core_metrics("binary").compute(column(0, 0), column(0.2, 0.3))
    assert [name for name, value in figures.items() if np.isnan(value)] == ["roc_auc", "pr_auc", "f1"]
    assert figures["accuracy"] == 1.0


def test_the_calibration_error_is_the_weighted_gap_of_ten_bins_of_equal_width():
    happened = np.array([1.0, 0.0, 1.0, 1.0, 1.0])
    probabilities = np.array([0.81, 0.89, 0.82, 0.31, 1.0])
    gaps = (abs(0.84 - 2 / 3) * 3, abs(0.31 - 1.0), 0.0)
    assert calibration_error(happened, probabilities) == pytest.approx(sum(gaps) / 5)


def test_probabilities_that_come_true_as_often_as_they_say_are_calibrated():
    happened = np.array([1.0, 0.0, 0.0, 0.0] * 25)
    assert calibration_error(happened, np.full(100, 0.25)) == pytest.approx(0.0)
    assert core_metrics("binary").compute(column(*happened), np.full((100, 1), 0.75))["calibration_error"] == 0.5


def test_classes_are_calibrated_by_the_probability_of_the_chosen_one():
    probabilities = np.array([[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.25]])
    figures = core_metrics("multiclass").compute(column(0, 0, 1, 1), probabilities)
    assert figures["calibration_error"] == pytest.approx(0.0)
    assert core_metrics("multiclass").compute(column(1, 1, 0, 0), probabilities)["calibration_error"] == 0.5


def test_several_targets_have_figures_of_their_own_and_the_mean_of_them():
    labels = np.array([[1.0, 10.0], [3.0, NAN], [5.0, 30.0]])
    predictions = np.array([[1.0, 20.0], [3.0, 0.0], [8.0, 30.0]])
    first, second = core_metrics("regression").by_target(labels, predictions)
    assert (first["mse"], second["mse"]) == (pytest.approx(3.0), pytest.approx(50.0))
    assert first["rmse"] == pytest.approx(np.sqrt(3.0))
    assert core_metrics("regression").compute(labels, predictions)["mse"] == pytest.approx(26.5)


def test_a_metric_that_fails_is_an_error_with_the_name_of_its_package():
    spec = Metric(name="bad", summary="Bad.", factory="x:y", kinds=("regression",), higher_is_better=True)
    broken = MetricSet("regression", {spec: lambda labels, predictions: 1 / 0}, {"bad": "sma-bad 1.0"})
    with pytest.raises(PluginError, match=r"'bad' of sma-bad 1\.0 failed on 2 labels.*ZeroDivisionError"):
        broken.compute(column(1, 2), column(1, 2))


def test_predictions_that_differ_by_rounding_have_no_rank_correlation():
    draw = np.random.default_rng(0)
    labels, noise = draw.normal(12_345_601.0, 2.0, 100), draw.uniform(size=100)
    for span, defined in ((1e-6, False), (1e-2, True)):
        figures = core_metrics("regression").compute(labels[:, None], (12_345_601 + span * noise)[:, None])
        assert np.isnan(figures["spearman"]) != defined, span
