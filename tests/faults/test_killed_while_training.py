"""kill -9 of whole trainings: whatever the moment, the run goes on to the bits of one that nobody disturbed."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.faults.child import KILLED, begun, ended, killed_at
from tests.faults.runs import SETTINGS, begin_or_go_on
from tests.support.matrix import full_but
from tests.support.runs import curve, same, weights


def check(toy, tmp_path, at, whole):
    """Kill a training at moment ``at``, let it go on, and compare; False when it was over before."""
    run = tmp_path / f"run {at} é"
    was_killed = killed_at(at, lambda: begin_or_go_on(toy, run))
    if was_killed:
        begin_or_go_on(toy, run)
    assert same(weights(run, 6), weights(whole, 6))
    assert curve(run) == curve(whole)
    assert not list(run.rglob(".*.tmp"))
    kept = {path.name for path in (run / "checkpoints").iterdir()}
    assert kept >= {path.name for path in (whole / "checkpoints").iterdir()}
    return was_killed


@pytest.fixture
def whole(toy, tmp_path):
    return begin_or_go_on(toy, tmp_path / "whole")


@pytest.mark.parametrize("first", full_but([2], [2, 5]))
def test_some_moments(toy, tmp_path, whole, first):
    kills = [check(toy, tmp_path, at, whole) for at in range(first, 200, 17)]
    assert sum(kills) > 5


@pytest.mark.full
def test_every_moment(toy, tmp_path, whole):
    at = 1
    while check(toy, tmp_path, at, whole):
        at += 1
    assert at > 90


@pytest.mark.full
def test_one_run_that_is_killed_twenty_times_at_random(toy, tmp_path):
    settings = SETTINGS | {"training.steps": 240, "training.checkpoint_every": 1, "training.evaluate_every": 240}
    whole = begin_or_go_on(toy, tmp_path / "whole", settings)
    draw = random.Random(7)
    kills, run = 0, tmp_path / "run"
    for _ in range(200):
        child = begun(lambda: begin_or_go_on(toy, run, settings))
        time.sleep(draw.uniform(0.1, 0.6))
        os.kill(child, signal.SIGKILL)
        kills += ended(child) == KILLED
        if kills >= 20:
            break
    begin_or_go_on(toy, run, settings)
    assert kills >= 20
    assert same(weights(run, 240), weights(whole, 240))
    assert curve(run) == curve(whole)
