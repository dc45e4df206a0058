"""Masks of held-out rows along a pre-training: recorded, cut when a run is resumed, and drawn in its report."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import sma_core
from sma_core.errors import DataError
from sma_core.plugins.events import Evaluated, MaskExample, RunStarted
from sma_view.report.mask_examples import NAME, PICTURES, _masked, _some, begin, read_examples, record
from sma_view.row_as_drawn import sequence_as_drawn

SETTINGS = {"training.steps": 4, "training.evaluate_every": 2, "training.checkpoint_every": 2}


@pytest.fixture
def run(toy, tmp_path):
    return sma_core.train(toy, settings=SETTINGS, out=tmp_path / "run").run


def recorded(run):
    return [json.loads(line) for line in (run / NAME).read_text().splitlines()]


def test_three_rows_are_recorded_at_each_evaluation(run):
    lines = recorded(run)
    assert [line["step"] for line in lines] == [0, 0, 0, 2, 2, 2, 4, 4, 4]
    examples = read_examples(run)
    assert len(examples) == 3
    for by_step in examples.values():
        assert list(by_step) == [0, 2, 4]
        for example in by_step.values():
            assert example.draws == 8
            assert 0 < sum(example.times) < 8 * len(example.times)
            assert max(example.times) <= 8


def test_a_resumed_run_has_the_lines_of_one_that_was_not_interrupted(toy, tmp_path, run):
    again = tmp_path / "again"
    shutil.copytree(run, again)
    shutil.rmtree(again / "checkpoints" / "step-00000004")
    record_of_run = json.loads((again / "model.json").read_text())
    (again / "model.json").write_text(json.dumps(record_of_run | {"finished": False}))
    sma_core.train(resume=again)
    assert recorded(again) == recorded(run)


def test_lines_after_the_step_are_removed_and_damaged_ones_left_out(tmp_path):
    for step in (0, 2, 4):
        record(Evaluated(tmp_path, step, 0.0, {}, (MaskExample(7, (step, 8), 8),)))
    with (tmp_path / NAME).open("a") as file:
        file.write('{"step": 6, "row"')
    assert list(read_examples(tmp_path)[7]) == [0, 2, 4]
    begin(RunStarted(tmp_path, 2, 4, 1, "cpu", "fp32"))
    assert [line["step"] for line in recorded(tmp_path)] == [0, 2]
    begin(RunStarted(tmp_path, 0, 4, 1, "cpu", "fp32"))
    assert recorded(tmp_path) == []


def test_first_and_last_step_are_drawn_and_more_of_the_early_ones():
    assert _some(dict.fromkeys([0, 10])) == [0, 10]
    steps = _some(dict.fromkeys(range(0, 1000, 10)))
    assert len(steps) == PICTURES
    assert (steps[0], steps[-1]) == (0, 990)
    assert steps[1] < 100


def test_importance_is_the_frequency_relative_to_the_mean():
    row = sequence_as_drawn([[0.0]] * 4, ("x",), (), (np.nan,) * 4)
    drawn = _masked(row, MaskExample(0, (0, 2, 4, 6), 8))
    assert drawn.importance == pytest.approx((0, 2 / 3, 4 / 3, 2))
    assert drawn.hidden == {3}
    assert np.isnan(_masked(row, MaskExample(0, (0, 0, 0, 0), 8)).importance).all()


def test_the_report_draws_them_and_says_when_the_rows_are_gone(run, monkeypatch):
    pytest.importorskip("matplotlib")
    from sma_view.report.report import report

    text = report(run).page.read_text()
    assert "Masks along training" in text
    assert text.count("<figcaption>step ") == 9

    def gone(*_):
        raise DataError("there is no file gone.txt")

    with monkeypatch.context() as patched:
        patched.setattr("sma_view.report.mask_examples.find_mixture", gone)
        result = report(run)
    assert "no masks along training" in result.lacking[0]
    assert "there is no file gone.txt" in result.page.read_text()
    (run / NAME).unlink()
    assert "Masks along training" not in report(run).page.read_text()
