"""Runs that were recorded with every format of checkpoints there was: today's program goes on with each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import sma_core
from sma_core.checkpoints.store import FORMAT_VERSION, CheckpointStore
from sma_core.training.reporting.metrics_file import read_metrics

RECORDED = Path(__file__).parent / "recorded"


def test_every_format_is_recorded():
    assert {path.name for path in RECORDED.iterdir()} == {f"format-{n}" for n in range(1, FORMAT_VERSION + 1)}


@pytest.mark.parametrize("folder", sorted(RECORDED.iterdir()), ids=lambda folder: folder.name)
def test_a_run_of_an_earlier_format_goes_on(toy, tmp_path, folder, monkeypatch):
    run = tmp_path / "run"
    shutil.copytree(folder, run)
    read = CheckpointStore(run / "checkpoints").latest()
    assert (read.step, read.format) == (4, int(folder.name[-1]))
    recorded = read_metrics(run / "metrics.jsonl")[-1]["held_out_loss"]
    # so that the held-out loss of one more step is that of the weights that were recorded
    monkeypatch.setattr("sma_core.training.loop.learning_rate", lambda *_: 0.0)
    sma_core.train(resume=str(run), settings={"training.steps": 5, "training.evaluate_every": 5})
    went_on = read_metrics(run / "metrics.jsonl")
    assert went_on[-1]["step"] == 5
    assert went_on[-1]["held_out_loss"] == pytest.approx(recorded, abs=1e-4)
    assert CheckpointStore(run / "checkpoints").latest().format == FORMAT_VERSION
