"""The probe of a frozen encoder: what is fitted for each kind of labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from sma_core.training.finetuning.probing import fit_linear_map
from sma_core.training.finetuning.targets import Targets

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(120, 5))
SCORES = FEATURES @ RANDOM.normal(size=(5, 3))


def fitted(kind, labels, classes=(), balanced=False, penalty=1.0):
    names = tuple("xyz"[: labels.shape[1]])
    targets = Targets.fit(names, kind, labels, classes)
    if balanced:
        targets = targets.balanced(labels)
    linear = fit_linear_map(targets, FEATURES, labels, penalty)
    assert linear.weight.shape == (targets.outputs, 5)
    outputs = torch.from_numpy(FEATURES @ linear.weight.T + linear.bias)
    return targets.predictions(outputs), linear


def test_a_regression_is_the_ridge_of_scikit_learn_in_the_units_of_the_labels():
    labels = 7.0 + 3.0 * SCORES[:, :1]
    expected = Ridge(alpha=1.0).fit(FEATURES, labels).predict(FEATURES)
    assert fitted("regression", labels)[0] == pytest.approx(expected.reshape(-1, 1), abs=1e-9)


def test_missing_labels_of_one_target_leave_the_others_as_they_are():
    labels = SCORES[:, :2].copy()
    whole, _ = fitted("regression", labels)
    labels[::2, 1] = np.nan
    partly, _ = fitted("regression", labels)
    assert partly[:, 0] == pytest.approx(whole[:, 0])
    assert np.abs(partly[:, 1] - SCORES[:, 1]).max() < 0.3
    labels[:, 1] = np.nan
    assert fitted("regression", labels)[1].weight[1] == pytest.approx(np.zeros(5))


@pytest.mark.parametrize(("kind", "columns"), [("binary", 1), ("multilabel", 3)])
def test_zeros_and_ones_are_told_apart(kind, columns):
    labels = (SCORES[:, :columns] > 0).astype(float)
    predictions, _ = fitted(kind, labels)
    assert ((predictions >= 0) & (predictions <= 1)).all()
    assert np.mean((predictions > 0.5) == labels) > 0.95


def test_a_column_with_a_single_value_gets_a_high_or_low_probability():
    labels = np.concatenate([np.ones((120, 1)), np.zeros((120, 1))], axis=1)
    predictions, _ = fitted("multilabel", labels)
    assert (predictions[:, 0] > 0.99).all()
    assert (predictions[:, 1] < 0.01).all()


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c")])
def test_classes_are_told_apart(names):
    labels = SCORES[:, : len(names)].argmax(axis=1)[:, None].astype(float)
    predictions, _ = fitted("multiclass", labels, names)
    assert predictions.sum(axis=1) == pytest.approx(np.ones(120))
    assert np.mean(predictions.argmax(axis=1) == labels[:, 0]) > 0.95


@pytest.mark.parametrize("seen", [[0, 2], [0, 1, 3]])
def test_a_class_that_no_training_row_has_is_never_predicted(seen):
    labels = np.array(seen)[SCORES[:, : len(seen)].argmax(axis=1)][:, None].astype(float)
    predictions, _ = fitted("multiclass", labels, ("a", "b", "c", "d"))
    assert set(predictions.argmax(axis=1)) == set(seen)
    unseen = sorted({0, 1, 2, 3} - set(seen))
    assert predictions[:, unseen].max() < 0.1


@pytest.mark.parametrize(("kind", "classes"), [("binary", ()), ("multiclass", ("a", "b", "c"))])
def test_class_weights_raise_the_probability_of_a_rare_class(kind, classes):
    labels = (SCORES[:, :1] > np.quantile(SCORES[:, 0], 0.9)).astype(float)
    rare = slice(0, 1) if kind == "binary" else slice(1, 2)
    plain, weighted = (fitted(kind, labels, classes, balanced, penalty=100.0)[0] for balanced in (False, True))
    assert weighted[:, rare].mean() > 1.5 * plain[:, rare].mean()
