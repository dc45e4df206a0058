"""Figures of merit and splits."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.errors import ConfigError, DataError
from sma_core.evaluation.metrics import compute_metrics, find_metric
from sma_core.evaluation.splits import check_split, random_split

NAN = float("nan")


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def test_regression_figures_by_hand():
    figures = compute_metrics("regression", column(1, 2, 3, 4), column(1, 2, 3, 8))
    assert figures["rmse"] == pytest.approx(2.0)
    assert figures["mae"] == pytest.approx(1.0)
    assert figures["r2"] == pytest.approx(1 - 16 / 5)
    assert figures["spearman"] == pytest.approx(1.0)


def test_roc_auc_counts_pairs_in_order_and_leaves_missing_labels_out():
    figures = compute_metrics("binary", column(0, 0, 1, 1, NAN), column(0.1, 0.6, 0.5, 0.9, 0.0))
    assert figures["roc_auc"] == pytest.approx(3 / 4)
    assert figures["accuracy"] == pytest.approx(2 / 4)


def test_a_multi_label_figure_is_the_mean_over_targets_that_can_be_judged():
    labels = np.array([[0, 1, NAN], [1, 1, NAN], [0, 1, NAN], [1, 1, NAN]], dtype=float)
    predictions = np.array([[0.1, 0.9, 0.5], [0.8, 0.9, 0.5], [0.9, 0.9, 0.5], [0.95, 0.2, 0.5]])
    figures = compute_metrics("multilabel", labels, predictions)
    assert figures["roc_auc"] == pytest.approx(3 / 4)
    assert figures["accuracy"] == pytest.approx((3 / 4 + 3 / 4) / 2)


def test_figures_of_classes_by_hand():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1]])
    figures = compute_metrics("multiclass", column(0, 1, 1, NAN), probabilities)
    assert figures["accuracy"] == pytest.approx(2 / 3)
    assert figures["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert "top_5_accuracy" not in figures


def test_a_class_among_the_five_most_probable_is_a_hit():
    probabilities = np.array([[0.3, 0.2, 0.15, 0.14, 0.11, 0.1], [0.05, 0.1, 0.15, 0.2, 0.24, 0.26]])
    figures = compute_metrics("multiclass", column(5, 1), probabilities)
    assert figures["top_5_accuracy"] == pytest.approx(1 / 2)
    assert figures["accuracy"] == 0.0


def test_each_position_counts_once():
    figures = compute_metrics("per-position", column(0, 0, 0, 1), column(0, 0, 1, 1))
    assert figures == {"accuracy": pytest.approx(3 / 4), "macro_f1": pytest.approx((4 / 5 + 2 / 3) / 2)}


def test_figures_that_need_more_classes_are_refused():
    assert find_metric("top_5_accuracy", "multiclass", 6).higher_is_better
    with pytest.raises(ConfigError, match="no metric 'top_5_accuracy': it has accuracy, macro_f1"):
        find_metric("top_5_accuracy", "multiclass", 5)


def test_a_figure_no_target_allows_is_nan():
    assert np.isnan(compute_metrics("binary", column(1, 1), column(0.2, 0.3))["roc_auc"])


def test_an_unsuitable_metric_is_refused_with_those_that_fit():
    with pytest.raises(ConfigError, match="a binary task has no metric 'rmse': it has roc_auc, accuracy"):
        find_metric("rmse", "binary")


def test_the_random_split_covers_all_rows_once_and_follows_its_seed():
    texts = [str(number) for number in range(103)]
    first, again, other = (random_split(texts, 0.1, 0.2, seed) for seed in (1, 1, 2))
    assert [len(part) for part in first] == [72, 10, 21]
    assert sorted(np.concatenate(first)) == list(range(103))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[2], other[2])


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (([0, 1], [], [2]), "leaves no row for validation"),
        (([0, 1], [1], [2]), "a row twice"),
        (([0, 1], [3], [9]), "does not exist"),
    ],
)
def test_a_bad_split_is_refused(parts, sentence):
    arrays = tuple(np.array(part, dtype=np.int64) for part in parts)
    with pytest.raises(DataError, match=sentence):
        check_split(arrays, 4, "mine")
