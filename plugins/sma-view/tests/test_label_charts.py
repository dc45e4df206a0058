"""The numbers behind charts of predictions, and how the table of `sma evaluate` is read."""

from __future__ import annotations

import numpy as np
import pytest

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


def table(name, labels, cells):
    return [
        {"row": str(number), "input": f"text {number}", f"label:{name}": label, **cell}
        for number, (label, cell) in enumerate(zip(labels, cells, strict=True), start=3)
    ]


BINARY = table("y", ["0", "1", "1", "0", ""], [{"y": p} for p in ("0.1", "0.9", "0.4", "0.4", "0.5")])


def test_two_classes_without_names_have_probabilities():
    (target,) = predictions_of(BINARY, "binary")
    assert target.rows.tolist() == [3, 4, 5, 6]  # the last has no label
    assert target.values.tolist() == [0.1, 0.9, 0.4, 0.4]
    assert target.predicted_names == ("0", "1", "0", "0")
    assert target.worst(2) == [2, 3]
    assert list(charts_of(target)) == ["roc", "precision-recall", "reliability", "confusion"]


def test_the_roc_curve_has_the_area_that_counting_pairs_gives():
    (target,) = predictions_of(BINARY, "binary")
    rates = drawn(roc(target)).lines[0]
    # of 4 pairs of a positive and a negative, 3 are in order and 1 is tied
    assert np.trapezoid(rates[1], rates[0]) == pytest.approx(3.5 / 4)
    recall, precision, _ = drawn(precision_recall(target)).lines[0]
    assert recall.tolist() == [0.5, 1.0, 1.0]
    assert precision.tolist() == pytest.approx([1.0, 2 / 3, 0.5])


def test_reliability_counts_the_positives_of_each_bin():
    (target,) = predictions_of(BINARY, "binary")
    axes = drawn(reliability(target))
    means, shares, _ = axes.lines[1]
    assert means.tolist() == pytest.approx([0.1, 0.4, 0.9])
    assert shares.tolist() == [0.0, 0.5, 1.0]
    assert axes.bars[0][1].tolist() == [0.25, 0.5, 0.25]


def test_named_classes_are_found_also_when_the_target_is_called_label():
    cells = [{"label": "yes", "label:yes": "0.8"}, {"label": "no", "label:yes": "0.3"}]
    (target,) = predictions_of(table("label", ["yes", "yes"], cells), "binary")
    assert target.labels.tolist() == [1.0, 1.0]
    assert target.values.tolist() == [0.8, 0.3]
    assert "roc" not in charts_of(target)  # one class
    (target,) = predictions_of(table("label", ["0", "1"], [{"label": "0.2"}, {"label": "0.7"}]), "binary")
    assert target.values.tolist() == [0.2, 0.7]


def test_several_classes_have_a_matrix_and_rare_ones_are_one():
    cells = [{"c": "a", "c:a": "0.9", "c:b": "0.1"}, {"c": "a", "c:a": "0.6", "c:b": "0.4"}]
    (target,) = predictions_of(table("c", ["a", "b"], cells), "multiclass")
    names, counts = confusion_counts(target)
    assert (names, counts.tolist()) == (["a", "b"], [[1, 0], [1, 0]])
    assert target.worst(1) == [1]
    labels = [f"k{index:02}" for index in range(30)] + ["k00"] * 3
    (target,) = predictions_of(table("c", labels, [{"c": label} for label in labels]), "multiclass")
    names, counts = confusion_counts(target)
    assert (len(names), names[-1], counts.sum(), counts[-1, -1]) == (21, "others", 33, 10)
    assert counts[0, 0] == 4


def test_labels_of_positions_are_counted_one_by_one():
    (target,) = predictions_of(table("s", ["HE?C"], [{"s": "HHHC"}]), "per-position")
    assert (target.label_names, target.predicted_names) == (("H", "E", "C"), ("H", "H", "C"))
    assert target.rows.tolist() == [3, 3, 3]


def test_a_regression_is_in_the_units_of_its_labels():
    cells = [{"y": "1.5"}, {"y": "-2"}, {"y": "9"}]
    (target,) = predictions_of(table("y", ["1", "2", "9.5"], cells), "regression")
    assert list(charts_of(target)) == ["parity", "residuals"]
    assert target.worst(3) == [1, 0, 2]
