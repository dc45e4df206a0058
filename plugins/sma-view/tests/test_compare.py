"""Lists of runs, and paired differences that are those of the metrics of `sma evaluate`."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sma_core
from sma_core.errors import UserError
from sma_core.models.loaded_run import LoadedRun
from sma_core.verbs.evaluate import predict_part
from sma_view.report.compare import _Pair, compare
from sma_view.report.list_runs import list_runs
from sma_view.report.predictions import TargetPredictions, judge_rows

EPOCHS = {"training.epochs": 1.0, "baselines": False}


@pytest.fixture
def two(toy, tmp_path):
    return [
        sma_core.finetune(toy, settings=EPOCHS | {"training.seed": seed}, out=tmp_path / f"seed{seed}").run
        for seed in (0, 1)
    ]


def test_differences_are_those_of_the_test_metrics(two):
    result = compare(two)
    assert result.runs == ("seed0", "seed1")
    assert result.settings == {"training.seed": ("0", "1")}
    tests = [json.loads((run / "results.json").read_text())["test"] for run in two]
    assert {one.metric for one in result.differences} <= set(tests[0])
    for one in result.differences:
        assert one.value == pytest.approx(tests[1][one.metric] - tests[0][one.metric], abs=1e-6)
        assert one.low <= one.value <= one.high
    assert not result.lacking


def test_predictions_are_those_that_are_scored_to_the_last_digit(two):
    judged = predict_part(LoadedRun.load(two[0], precision=None), "test")
    target = judge_rows(two[0], "test", 0, None).targets[0]
    assert target.values.tolist() == judged.predictions[:, 0].tolist()  # nearly constant ones keep their ranks


def test_runs_that_cannot_be_paired_say_why(toy, two, tmp_path):
    pretrained = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "pre").run
    assert "fine-tuned runs" in compare([pretrained, two[0]]).lacking
    with pytest.raises(UserError, match="at least two"):
        compare([two[0]])


def rows(labels, values, kind="regression"):
    labels, values = np.array(labels, dtype=float), np.array(values, dtype=float)
    return [TargetPredictions("y", kind, np.arange(len(labels)), (), np.arange(len(labels)), labels, values)]


def test_rows_are_paired_by_number_and_must_have_the_same_labels():
    first, second = rows([1, 2, 3], [1, 2, 4]), rows([1, 2, 3, 9], [1, 3, 3, 9])
    pair = _Pair.of(first, second, "regression")
    assert pair.labels[:, 0].tolist() == [1, 2, 3]
    assert pair._errors(pair.second).tolist() == [0, 1, 0]
    assert _Pair.of(first, rows([1, 2, 5], [0, 0, 0]), "regression") is None


def test_runs_are_listed_newest_first_with_the_damaged_ones(two, tmp_path, run_sma):
    broken = tmp_path / "deep" / "broken"
    broken.mkdir(parents=True)
    (broken / "model.json").write_text("{")
    (broken / "config.toml").write_text("")
    listed = list_runs(tmp_path)
    assert {run.path.name for run in listed} == {"seed0", "seed1", "broken"}
    assert [run.changed for run in listed] == sorted((run.changed for run in listed), reverse=True)
    figures = {run.path.name: run for run in listed}
    result = json.loads((two[0] / "results.json").read_text())
    assert figures["seed0"].value == result["test"][result["metric"]]
    assert figures["broken"].problem
    printed = run_sma("runs", ".").stdout
    assert "seed1" in printed
    assert "fine-tuned on" in printed
    assert run_sma("runs", "nowhere").returncode == 2


def test_the_command_prints_tables_and_a_page(two, run_sma, tmp_path):
    pytest.importorskip("matplotlib")
    printed = run_sma("compare", *two, "--page", "both.html")
    assert printed.returncode == 0, printed.stderr
    assert "MINUS seed0" in printed.stdout
    assert "% of" in printed.stdout
    assert "Learning curves of all runs" in (tmp_path / "both.html").read_text(encoding="utf-8")
