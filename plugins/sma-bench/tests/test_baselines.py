"""Linear maps and boosted trees as baselines: what they learn, and what they never see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from sma_bench.baselines import BaselineRows, fit_boosted_trees, fit_linear
from sma_core.errors import UserError
from tests.support.matrix import full_but

ROWS, FEATURES = 200, 6


def rows_of(labels: np.ndarray, kind: str, classes: tuple[str, ...] = ()) -> BaselineRows:
    hidden = labels.astype(np.float64).copy()
    hidden[150:] = np.nan
    return BaselineRows([""] * ROWS, hidden, kind, classes, np.arange(120), np.arange(120, 150), 0)


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, FEATURES))


def test_ridge_regression_finds_a_linear_map(features):
    labels = features @ np.arange(FEATURES * 2).reshape(FEATURES, 2)
    found = fit_linear(features, rows_of(labels, "regression"))
    assert np.abs(found[150:] - labels[150:]).max() < 0.1


def test_logistic_regression_gives_probabilities_and_leaves_gaps_out(features):
    labels = (features[:, :2] > 0).astype(np.float64)
    labels[:20, 0] = np.nan
    found = fit_linear(sparse.csr_matrix(features), rows_of(labels, "multilabel"))
    assert ((found >= 0) & (found <= 1)).all()
    assert np.mean((found[150:] > 0.5) == labels[150:]) > 0.9


def test_a_target_with_one_value_gets_that_value(features):
    found = fit_linear(features, rows_of(np.ones((ROWS, 1)), "binary"))
    assert (found == 1.0).all()


def test_many_classes_are_a_distribution_with_the_right_top(features):
    labels = features[:, :3].argmax(axis=1)[:, None]
    found = fit_linear(features, rows_of(labels, "multiclass", ("a", "b", "c")))
    assert found.sum(axis=1) == pytest.approx(np.ones(ROWS))
    assert np.mean(found[150:].argmax(axis=1) == labels[150:, 0]) > 0.8


def test_labels_of_every_position_are_refused(features):
    with pytest.raises(UserError, match="not of positions"):
        fit_linear(features, rows_of(np.zeros((ROWS, 0)), "per-position"))


@pytest.mark.parametrize("kind", full_but(["binary"], ["regression", "binary"]))
def test_boosted_trees_find_what_is_not_linear(features, kind):
    pytest.importorskip("lightgbm")
    labels = np.sign(features[:, 0] * features[:, 1]).clip(0, 1)[:, None]
    found = fit_boosted_trees(features, rows_of(labels, kind))
    assert np.mean((found[150:] > 0.5) == labels[150:]) > 0.75


def test_without_lightgbm_the_sentence_says_what_to_install(features, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lightgbm", None)
    with pytest.raises(UserError, match="pip install"):
        fit_boosted_trees(features, rows_of(np.zeros((ROWS, 1)), "regression"))
