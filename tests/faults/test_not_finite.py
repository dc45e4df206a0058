"""Losses that are not finite: a wrong batch now and then is left out and counted, a run of them ends training."""

from __future__ import annotations

import math

import pytest

import sma_core
from sma_core.checkpoints.store import CheckpointStore
from sma_core.errors import StoppedOnRequest, UserError
from sma_core.training.pretraining import PretrainObjective
from sma_core.training.reporting.metrics_file import read_metrics
from tests.faults.runs import SETTINGS
from tests.support.runs import curve, same, stop_at, weights

PLAIN = {name: value for name, value in SETTINGS.items() if name != "training.accumulate"}


@pytest.fixture
def wrong_steps(monkeypatch):
    """A function that makes the losses of steps, counted from 1, not finite."""
    plain = PretrainObjective.loss

    def make(steps, factor):
        def loss(self, batch, generator, step):
            value, count = plain(self, batch, generator, step)
            return (value * factor if step + 1 in steps else value), count

        monkeypatch.setattr(PretrainObjective, "loss", loss)

    return make


def train(toy, run, steps, **more):
    settings = PLAIN | {"training.steps": steps}
    return sma_core.train(toy, settings=settings | more, out=run, resume="auto").run


@pytest.mark.parametrize("factor", [math.nan, math.inf, -math.inf])
def test_wrong_batches_are_left_out_and_counted_also_over_a_resume(toy, tmp_path, wrong_steps, factor):
    wrong_steps({2, 5}, factor)
    whole = train(toy, tmp_path / "whole", 8)
    skipped = [line.get("skipped", 0) for line in read_metrics(whole / "metrics.jsonl") if "loss" in line]
    assert skipped == [0, 1, 1, 1, 2, 2, 2, 2]
    assert all(math.isfinite(tensor.sum()) for tensor in weights(whole, 8).values())
    with pytest.raises(StoppedOnRequest):
        sma_core.train(toy, settings=PLAIN | {"training.steps": 8}, out=tmp_path / "run", observers=[stop_at(3)])
    run = train(toy, tmp_path / "run", 8)
    assert same(weights(run, 8), weights(whole, 8))
    assert curve(run) == curve(whole)


def test_a_step_left_out_changes_no_weight(toy, tmp_path, wrong_steps):
    wrong_steps({4}, math.nan)
    settings = {"training.checkpoint_every": 1, "training.keep_last": 9}
    run = train(toy, tmp_path / "run", 5, **settings)
    assert same(weights(run, 3), weights(run, 4))
    assert not same(weights(run, 4), weights(run, 5))


def test_a_run_of_wrong_batches_ends_training_with_the_last_good_checkpoint(toy, tmp_path, wrong_steps):
    wrong_steps(set(range(5, 100)), math.nan)
    more = {"training.max_skipped_steps": 6, "training.checkpoint_every": 2, "training.keep_last": 1}
    with pytest.raises(UserError, match=r"not finite in 6 consecutive steps, up to step 10; the last checkpoints"):
        train(toy, tmp_path / "run", 50, **more)
    store = CheckpointStore(tmp_path / "run" / "checkpoints")
    assert 4 in store.steps()
    assert store.read(4).state["skipped"] == 0
