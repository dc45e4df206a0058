"""Predictions that are nearly the same for every row are reported in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.config import FinetuneConfig
from sma_core.evaluation.metric_set import MetricSet
from sma_core.training.finetuning.constant_predictions import constant_predictions
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import Targets

ROWS = 40
VALUES = np.linspace(-3.0, 5.0, ROWS)[:, None]
BITS = (np.arange(ROWS) % 2).astype(float)[:, None]
CLASSES = (np.arange(ROWS) % 3).astype(float)[:, None]


def warnings_for(kind, labels, predictions, classes=(), settings=None, probe_kept=False):
    names = ("y", "z")[: max(labels.shape[1], 1)]
    targets = Targets.fit(names, kind, labels, classes)
    rows = np.arange(len(labels))
    predicted = LabelledPredictions(
        targets, MetricSet(kind, {}), rows, np.ones_like(rows), labels, np.asarray(predictions, dtype=float)
    )
    config = FinetuneConfig.model_validate({"domain": "toy"} | (settings or {}))
    return constant_predictions(predicted, config, probe_kept)


def test_values_with_a_tiny_spread_are_reported_with_what_to_do():
    (sentence,) = warnings_for("regression", VALUES, 1.0 + 0.01 * VALUES)
    assert sentence.startswith("test predictions of 'y' are nearly constant (standard deviation 1 % of that of")
    assert "training.probe_fallback=true" in sentence
    assert "\n" not in sentence


def test_values_that_differ_are_not_reported():
    assert warnings_for("regression", VALUES, 0.2 * VALUES) == []
    assert warnings_for("regression", VALUES, -VALUES) == []


def test_only_the_constant_target_is_named_and_missing_labels_do_not_matter():
    labels = np.concatenate([VALUES, VALUES], axis=1)
    labels[::3, 1] = np.nan
    predictions = np.concatenate([VALUES, np.zeros_like(VALUES)], axis=1)
    (sentence,) = warnings_for("regression", labels, predictions)
    assert "'z'" in sentence
    assert "'y'" not in sentence


def test_constant_or_unknown_labels_are_no_reason_to_warn():
    assert warnings_for("regression", np.ones((ROWS, 1)), np.zeros((ROWS, 1))) == []
    assert warnings_for("regression", np.full((ROWS, 1), np.nan), np.zeros((ROWS, 1))) == []
    assert warnings_for("binary", np.zeros((ROWS, 1)), np.zeros((ROWS, 1))) == []


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
def test_one_class_for_all_rows_is_reported(kind):
    (sentence,) = warnings_for(kind, BITS, np.full((ROWS, 1), 0.4) + 0.05 * BITS)
    assert sentence.startswith(
        "all 40 test rows are predicted as the same class of 'y': pass `class_weights=balanced`"
    )
    assert warnings_for(kind, BITS, 0.4 + 0.2 * BITS) == []


def test_one_of_many_classes_for_all_rows_is_reported_by_name():
    probabilities = np.tile([0.2, 0.5, 0.3], (ROWS, 1))
    (sentence,) = warnings_for("multiclass", CLASSES, probabilities, ("a", "b", "c"))
    assert sentence.startswith(
        "all 40 test rows are predicted as 'b', of 3 classes: pass `class_weights=balanced`"
    )
    probabilities[0] = [0.9, 0.1, 0.0]
    assert warnings_for("multiclass", CLASSES, probabilities, ("a", "b", "c")) == []


def test_one_symbol_for_all_positions_is_reported():
    (sentence,) = warnings_for("per-position", CLASSES, np.full((ROWS, 1), 2.0), ("C", "E", "H"))
    assert sentence.startswith("all 40 positions of test rows are predicted as 'H'")
    assert warnings_for("per-position", CLASSES, CLASSES, ("C", "E", "H")) == []


PROBED = {"pretrained": "run", "training": {"probe_fallback": True}}
ONE_CLASS = ("binary", BITS, np.full((ROWS, 1), 0.4))


def test_a_setting_that_the_run_has_already_is_not_advised():
    (sentence,) = warnings_for(*ONE_CLASS, settings=PROBED)
    assert sentence.endswith(
        "'y': pass `class_weights=balanced`, train longer (training.epochs), raise "
        "training.learning_rate, give more "
        "labelled rows, or pre-train for more steps"
    )
    (sentence,) = warnings_for(*ONE_CLASS, settings=PROBED | {"class_weights": "balanced"}, probe_kept=True)
    assert sentence.endswith(
        "'y': a linear probe was kept, since no epoch was better; give more labelled rows or "
        "pre-train for more steps"
    )
    without = {"training": {"probe_fallback": True}, "class_weights": "balanced"}
    (sentence,) = warnings_for("multiclass", CLASSES, np.tile([0.2, 0.5, 0.3], (ROWS, 1)), "abc", without, True)
    assert sentence.endswith("give more labelled rows or start from a pre-trained model (`model=RUN`)")


def test_class_weights_are_not_advised_for_values():
    (sentence,) = warnings_for("regression", VALUES, np.zeros((ROWS, 1)), settings=PROBED, probe_kept=True)
    assert sentence.endswith("no epoch was better; give more labelled rows or pre-train for more steps")


@pytest.mark.parametrize("settings", [{"weight": "w"}, {"split": {"protocol": "authors"}}])
def test_a_probe_is_not_advised_where_there_is_none(settings):
    assert "probe" in warnings_for(*ONE_CLASS)[0]
    assert "probe" not in warnings_for(*ONE_CLASS, settings=settings)[0]
    positions = ("per-position", CLASSES, np.full((ROWS, 1), 2.0), ("C", "E", "H"))
    assert "probe" not in warnings_for(*positions)[0]
