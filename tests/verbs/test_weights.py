"""Weights of rows in loss, metrics and baselines."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

import sma_core
from sma_core.errors import ConfigError, DataError
from sma_core.evaluation.baselines import BaselineRows, constant
from sma_core.training.finetuning.targets import Targets
from tests.support.metrics import core_metrics
from tests.support.runs import table

FEW = {"targets": ["y"], "weight": "w", "training.epochs": 1.0}


@pytest.fixture
def events(numbers, tmp_path):
    """Return a file of events with weights, some of them negative."""
    draw = np.random.default_rng(0)
    label = draw.integers(0, 2, 240)
    weights = draw.normal(1.0, 0.8, 240)
    rows = [
        f"{draw.normal() + y},{draw.normal()},{w!r},{'bs'[y]}"
        for y, w in zip(label.tolist(), weights.tolist(), strict=True)
    ]
    file = tmp_path / "events.csv"
    file.write_text("pt,eta,w,y\n" + "\n".join(rows) + "\n")
    return str(file)


def test_weights_count_in_test_metrics_and_are_named_everywhere(numbers, events, tmp_path, run_sma):
    few = ["--set", "training.epochs=1", "--out", "run"]
    done = run_sma("finetune", "--domain", numbers, "--data", events, "--target", "y", "--weight", "w", *few)
    assert done.returncode == 0, done.stderr
    assert "loss and metrics are weighted by 'w'" in done.stdout.splitlines()
    assert "| weights of rows | `w`" in (tmp_path / "run" / "README.md").read_text()
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["weight"] == "w"
    assert "calibration_error" not in results["test"]  # it takes no weights
    assert json.loads((tmp_path / "run" / "model.json").read_text())["scale"]["columns"] == ["pt", "eta"]
    assert {item["name"] for item in results["baselines"]} >= {"constant"}
    judged = sma_core.evaluate(tmp_path / "run", predictions=tmp_path / "judged.csv", bootstrap=20)
    assert judged.weight == "w"
    weights = np.array([float(row["w"]) for row in table(tmp_path / "events.csv")])
    rows = table(tmp_path / "judged.csv")
    own = weights[[int(row["row"]) - 1 for row in rows]]
    truth = np.array([row["label:y"] == "s" for row in rows])
    hit = np.array([(row["y"] == "s") for row in rows]) == truth
    assert judged.figures["accuracy"].value == pytest.approx(np.average(hit, weights=own))
    assert judged.figures["accuracy"].value == pytest.approx(results["test"]["accuracy"])
    score = np.array([float(row["y:s"]) for row in rows])
    pairs = (score[truth][:, None] > score[~truth]) + 0.5 * (score[truth][:, None] == score[~truth])
    area = own[truth] @ pairs @ own[~truth] / own[truth].sum() / own[~truth].sum()
    assert judged.figures["roc_auc"].value == pytest.approx(area)


def test_another_file_is_scored_with_weights_if_they_are_named(numbers, events, tmp_path):
    run = sma_core.finetune(numbers, data=events, settings=FEW, out=tmp_path / "run").run
    plain = sma_core.evaluate(run, data=events, bootstrap=0)
    weighted = sma_core.evaluate(run, data=events, weight="w", bootstrap=0)
    assert (plain.weight, weighted.weight, weighted.warnings) == (None, "w", [])
    assert plain.warnings == [
        "the run was trained with the weights 'w', but these metrics are not weighted: pass `weight`"
    ]
    assert plain.figures["accuracy"].value != weighted.figures["accuracy"].value


def test_a_weight_of_zero_is_as_if_the_row_were_not_there(numbers, tmp_path):
    targets = Targets.fit(("y",), "binary", np.array([[0.0], [1.0]]))
    outputs, labels = torch.tensor([[0.3], [2.0], [-1.0]]), torch.tensor([[1.0], [0.0], [1.0]])
    weights = torch.tensor([[1.0], [0.0], [-2.0]])
    losses = [float(targets.loss(outputs[i : i + 1], labels[i : i + 1])) for i in range(3)]
    assert float(targets.loss(outputs, labels, weights)) == pytest.approx((losses[0] - 2 * losses[2]) / 3)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [("x", r"row 3: the weight 'w' is 'x', not a finite number"), ("", r"row 3: the weight 'w' is ''")],
)
def test_a_weight_that_is_no_number_is_an_error_with_its_row(numbers, events, tmp_path, cell, sentence):
    lines = (tmp_path / "events.csv").read_text().splitlines()
    pt, eta, _, y = lines[3].split(",")
    lines[3] = f"{pt},{eta},{cell},{y}"
    (tmp_path / "events.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=sentence):
        sma_core.finetune(numbers, data=events, settings=FEW, out=tmp_path / "run")


def test_what_cannot_be_weighted_is_refused(numbers, events, tmp_path):
    with pytest.raises(ConfigError, match=r"probe_fallback does not use weights"):
        sma_core.finetune(numbers, data=events, settings=FEW | {"training.probe_fallback": True})
    with pytest.raises(ConfigError, match=r"of weighted rows has no metric 'calibration_error'"):
        sma_core.finetune(numbers, data=events, settings=FEW | {"metric": "calibration_error"})
    with pytest.raises(ConfigError, match=r"'w': the weight of a row is also a feature"):
        sma_core.finetune(numbers, data=events, settings=FEW | {"data.columns": ["pt", "w"]})


def test_weighted_metrics_are_those_of_sklearn():
    draw = np.random.default_rng(1)
    labels, weights = draw.integers(0, 2, 100).astype(float), draw.uniform(size=100)
    scores = np.round(draw.uniform(size=100), 1)  # with ties
    figures = core_metrics("binary").compute(labels[:, None], scores[:, None], weights)
    expected = sklearn_metrics.roc_auc_score(labels, scores, sample_weight=weights)
    assert figures["roc_auc"] == pytest.approx(expected)
    expected = sklearn_metrics.average_precision_score(labels, scores, sample_weight=weights)
    assert figures["pr_auc"] == pytest.approx(expected)
    values = draw.normal(size=100)
    figures = core_metrics("regression").compute(values[:, None], scores[:, None], weights)
    assert figures["rmse"] == pytest.approx(np.sqrt(np.average((values - scores) ** 2, weights=weights)))
    assert figures["r2"] == pytest.approx(sklearn_metrics.r2_score(values, scores, sample_weight=weights))
    assert "spearman" not in figures


def test_the_constant_baseline_is_the_weighted_mean():
    labels = np.array([[0.0], [1.0], [np.nan], [np.nan]])
    weights = np.array([1.0, 3.0, 5.0, 7.0])
    train = np.arange(3)
    rows = BaselineRows(["a"] * 4, labels, "binary", (), train, train[:0], 0, weights)
    assert constant(rows).tolist() == [[0.75]] * 4
    classes = BaselineRows(["a"] * 4, labels, "multiclass", ("a", "b"), train, train[:0], 0, weights)
    assert constant(classes).tolist() == [[0.25, 0.75]] * 4


def test_metrics_of_rows_without_weight_are_undefined():
    labels, predictions = np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]])
    for weights in (np.zeros(2), np.array([1.0, -1.0])):
        figures = core_metrics("regression").compute(labels, predictions, weights)
        assert figures
        assert all(np.isnan(value) for value in figures.values())


@pytest.mark.parametrize("heavy", [0, 1])
def test_a_class_whose_weights_sum_to_less_than_nothing_has_no_ranking(heavy):
    labels, scores = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.2, 0.4, 0.1])
    weights = np.where(labels == heavy, 5.0, [1.0, -1.5, 1.0, -1.5])
    figures = core_metrics("binary").compute(labels[:, None], scores[:, None], weights)
    assert np.isnan(figures["roc_auc"])
    assert np.isnan(figures["pr_auc"])
    assert not np.isnan(figures["accuracy"])


def test_a_run_says_that_a_class_has_no_weight_in_the_test(numbers, events, tmp_path):
    lines = (tmp_path / "events.csv").read_text().splitlines()
    few = [
        f"{pt},{eta},{-0.1 if y == 's' and k % 3 else 2.0},{y},{('train', 'test', 'test', 'valid')[k % 4]}"
        for k, (pt, eta, _, y) in enumerate(line.split(",") for line in lines[1:])
    ]
    few = [line.replace("2.0,s,test", "-0.1,s,test") for line in few]
    (tmp_path / "signed.csv").write_text("pt,eta,w,y,part\n" + "\n".join(few) + "\n")
    settings = FEW | {"split.column": "part", "baselines": False}
    result = sma_core.finetune(numbers, data=tmp_path / "signed.csv", settings=settings, out=tmp_path / "run")
    assert np.isnan(result.test["roc_auc"])
    said = "for 's' of 'y': roc_auc and pr_auc need a positive sum of each class and are undefined"
    assert [said in line for line in result.warnings if "the weights of the test rows sum to -" in line] == [True]
    warned = sma_core.evaluate(result.run, bootstrap=0).warnings
    assert any("the weights of these rows sum to -" in line for line in warned)
