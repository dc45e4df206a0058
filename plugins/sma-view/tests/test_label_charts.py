"""The numbers behind charts of predictions, and how they are taken from evaluated rows."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.evaluation.metric_set import MetricSet
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import Binary, Multiclass, PerPosition, Regression
from sma_view.report.label_charts import charts_of, confusion_counts, precision_recall, reliability, roc
from sma_view.report.predictions import predictions_of

pytest.importorskip("matplotlib")


class Axes:
    """Records what a chart draws."""

    def __init__(self):
        self.lines, self.bars = [], []

    def plot(self, x, y, **style):
        self.lines.append((np.asarray(x), np.asarray(y), style))

    def bar(self, x, heights, *_, **__):
        self.bars.append((x, heights))

    def __getattr__(self, name):
        return lambda *_, **__: None


def drawn(draw):
    axes = Axes()
    draw(axes)
    return axes


def found(targets, labels, predictions, counts=None):
    """Return the predictions of the only target; rows have the numbers 3, 4, 5 and so on."""
    labels, predictions = np.array(labels, dtype=float)[:, None], np.array(predictions, dtype=float)
    predictions = predictions.reshape(len(labels), -1)
    counts = np.ones(len(labels), dtype=np.int64) if counts is None else np.array(counts)
    metrics = MetricSet(targets.kind, {}, {})
    judged = LabelledPredictions(targets, metrics, np.arange(len(counts)), counts, labels, predictions)
    (target,) = predictions_of(
        judged, np.arange(3, 3 + len(counts)), [f"text {row}" for row in range(len(counts))]
    )
    return target


def two_classes():
    return found(Binary(("y",)), [0, 1, 1, 0, np.nan], [0.1, 0.9, 0.4, 0.4, 0.5])


def test_two_classes_without_names_have_probabilities():
    target = two_classes()
    assert target.rows.tolist() == [3, 4, 5, 6]  # the last has no label
    assert target.values.tolist() == [0.1, 0.9, 0.4, 0.4]
    assert target.predicted_names == ("0", "1", "0", "0")
    assert target.worst(2) == [2, 3]
    assert list(charts_of(target)) == ["roc", "precision-recall", "reliability", "confusion"]


def test_the_roc_curve_has_the_area_that_counting_pairs_gives():
    target = two_classes()
    rates = drawn(roc(target)).lines[0]
    # of 4 pairs of a positive and a negative, 3 are in order and 1 is tied
    assert np.trapezoid(rates[1], rates[0]) == pytest.approx(3.5 / 4)
    recall, precision, _ = drawn(precision_recall(target)).lines[0]
    assert recall.tolist() == [0.5, 1.0, 1.0]
    assert precision.tolist() == pytest.approx([1.0, 2 / 3, 0.5])


def test_reliability_counts_the_positives_of_each_bin():
    target = two_classes()
    axes = drawn(reliability(target))
    means, shares, _ = axes.lines[1]
    assert means.tolist() == pytest.approx([0.1, 0.4, 0.9])
    assert shares.tolist() == [0.0, 0.5, 1.0]
    assert axes.bars[0][1].tolist() == [0.25, 0.5, 0.25]


def test_named_classes_are_those_of_the_labels():
    target = found(Binary(("label",), classes=("no", "yes")), [1, 1], [0.8, 0.3])
    assert target.labels.tolist() == [1.0, 1.0]
    assert target.values.tolist() == [0.8, 0.3]
    assert target.label_names == ("yes", "yes")
    assert target.predicted_names == ("yes", "no")
    assert "roc" not in charts_of(target)  # one class


def test_several_classes_have_a_matrix_and_rare_ones_are_one():
    target = found(Multiclass(("c",), ("a", "b")), [0, 1], [[0.9, 0.1], [0.6, 0.4]])
    names, counts = confusion_counts(target)
    assert (names, counts.tolist()) == (["a", "b"], [[1, 0], [1, 0]])
    assert target.certainty.tolist() == [0.9, 0.4]
    assert target.worst(1) == [1]
    labels = [*range(30), 0, 0, 0]
    target = found(Multiclass(("c",), tuple(f"k{index:02}" for index in range(30))), labels, np.eye(30)[labels])
    names, counts = confusion_counts(target)
    assert (len(names), names[-1], counts.sum(), counts[-1, -1]) == (21, "others", 33, 10)
    assert counts[0, 0] == 4


def test_labels_of_positions_are_counted_one_by_one():
    labels, predictions = [0, 1, np.nan, 2, 0], [0, 0, 0, 2, 1]
    target = found(PerPosition(("s",), ("H", "E", "C")), labels, predictions, counts=[4, 1])
    assert target.label_names == ("H", "E", "C", "H")
    assert target.predicted_names == ("H", "H", "C", "E")
    assert target.rows.tolist() == [3, 3, 3, 4]


def test_a_regression_is_in_the_units_of_its_labels():
    target = found(Regression(("y",), (0.0,), (1.0,)), [1, 2, 9.5], [1.5, -2, 9])
    assert list(charts_of(target)) == ["parity", "residuals"]
    assert target.worst(3) == [1, 0, 2]
