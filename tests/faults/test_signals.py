"""Requests to stop, as the system sends them: what is saved, what is said, and the exit status."""

from __future__ import annotations

import os
import signal
import time

import pytest

from sma_core.checkpoints.store import CheckpointStore
from sma_core.errors import EXIT_STOPPED
from sma_core.training.pretraining import PretrainObjective
from tests.faults.child import end_of, program_begun, wait_for
from tests.faults.runs import begin_or_go_on
from tests.support.runs import same, weights

SETTINGS = {"training.steps": 8, "training.evaluate_every": 8, "training.checkpoint_every": 8}


def slow(reached, seconds):
    """Let the third step take its time, and tell when it has begun."""
    plain = PretrainObjective.loss

    def loss(self, batch, generator, step):
        if step == 2:
            reached.touch()
            time.sleep(seconds)
        return plain(self, batch, generator, step)

    PretrainObjective.loss = loss  # in the child alone


def begin(toy, folder, *more, seconds=1.0, before=None):
    given = [text for name, value in SETTINGS.items() for text in ("--set", f"{name}={value}")]
    reached = folder / "reached"
    child = program_begun(
        folder,
        *["train", "--domain", toy, "--out", folder / "run", *given, *more],
        before=before or (lambda: slow(reached, seconds)),
    )
    wait_for(reached)
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT], ids=lambda each: each.name)
def test_a_signal_ends_the_step_saves_and_leaves_with_75(toy, tmp_path, number):
    whole = begin_or_go_on(toy, tmp_path / "whole", SETTINGS)
    child = begin(toy, tmp_path)
    os.kill(child, number)
    left = end_of(child, tmp_path)
    assert left.status == EXIT_STOPPED == 75
    assert "stopped: stopped on request at step 3 of 8; its checkpoint is saved" in left.said
    assert "Traceback" not in left.said
    assert CheckpointStore(tmp_path / "run" / "checkpoints").steps() == [3]
    run = begin_or_go_on(toy, tmp_path / "run", SETTINGS)
    assert same(weights(run, 8), weights(whole, 8))


def test_a_second_ctrl_c_stops_at_once_with_130(toy, tmp_path):
    child = begin(toy, tmp_path, "--set", "training.checkpoint_every=1", seconds=60.0)
    for _ in range(2):
        os.kill(child, signal.SIGINT)
        time.sleep(1.5)  # two signals at once count as one
    left = end_of(child, tmp_path)
    assert left.status == 130
    assert "stopped immediately; everything saved before is intact" in left.said
    assert "Traceback" not in left.said
    assert CheckpointStore(tmp_path / "run" / "checkpoints").latest().step == 2


def test_the_time_limit_does_the_same(toy, tmp_path):
    left = end_of(begin(toy, tmp_path, "--time-limit", "2s", seconds=2.5), tmp_path)
    assert left.status == EXIT_STOPPED
    assert "stopped on request" in left.said
    steps = CheckpointStore(tmp_path / "run" / "checkpoints").steps()
    assert steps in ([0], [1], [2], [3])  # the machine may be slow


@pytest.mark.parametrize(
    ("number", "status", "sentence"),
    [
        (signal.SIGTERM, 75, "stopped on request before training began"),
        (signal.SIGUSR1, 75, "stopped on request before training began"),
        (signal.SIGINT, 130, "stopped immediately"),
    ],
    ids=["SIGTERM", "SIGUSR1", "SIGINT"],
)
def test_a_signal_while_data_are_prepared_leaves_nothing_half_written(
    toy, tmp_path, monkeypatch, number, status, sentence
):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "words.txt").write_text("kato\nmire\nsulan\n" * 20)

    def linger():
        import toy_domain.words

        def check(texts):
            (tmp_path / "reached").touch()
            time.sleep(60)

        toy_domain.words.check_words = check

    child = begin(toy, tmp_path, "--data", tmp_path / "words.txt", before=linger)
    os.kill(child, number)
    left = end_of(child, tmp_path)
    assert left.status == status
    assert sentence in left.said
    assert "Traceback" not in left.said
    assert not (tmp_path / "run").exists()
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
