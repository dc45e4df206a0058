"""Labels beside predictions, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.training.finetuning.labelled_predictions import LabelledPredictions, figures_by_target
from sma_core.training.finetuning.targets import Targets
from tests.support.metrics import core_metrics


def test_rows_are_taken_with_all_their_positions():
    targets = Targets.fit(("y",), "per-position", np.zeros((3, 0)), ("H", "C"))
    labels = np.array([0, 0, 1, 1, 1, 0], dtype=float)[:, None]
    said = np.array([0, 1, 1, 1, 1, 1], dtype=float)[:, None]
    judged = LabelledPredictions(
        targets, core_metrics("per-position"), np.array([4, 7, 9]), np.array([2, 1, 3]), labels, said
    )
    taken = judged.take(np.array([2, 0, 2]))
    assert taken.rows.tolist() == [9, 4, 9]
    assert taken.labels[:, 0].tolist() == [1, 1, 0, 0, 0, 1, 1, 0]
    assert taken.figures()["accuracy"] == pytest.approx(5 / 8)


def test_targets_have_figures_of_their_own_where_there_are_several():
    metrics = core_metrics("regression")
    values = np.array([[1.0, 10.0], [2.0, 20.0]])
    targets = Targets.fit(("a", "b"), "regression", values)
    ones = np.ones(2, dtype=np.int64)
    wrong = values + np.array([0.0, 2.0])
    found = figures_by_target(LabelledPredictions(targets, metrics, np.arange(2), ones, values, wrong))
    assert (found["a"]["rmse"], found["b"]["rmse"]) == (0.0, 2.0)
    alone = Targets.fit(("a",), "regression", values[:, :1])
    judged = LabelledPredictions(alone, metrics, np.arange(2), ones, values[:, :1], values[:, :1])
    assert figures_by_target(judged) == {}
