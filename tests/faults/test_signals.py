"""Requests to stop, as the system sends them: what is saved, what is said, and the exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

import sma_core
from sma_core.checkpoints.store import CheckpointStore
from sma_core.errors import EXIT_STOPPED
from sma_core.models.loaded_run import LoadedRun
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


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGINT], ids=lambda each: each.name
)
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
        (signal.SIGHUP, 75, "stopped on request before training began"),
        (signal.SIGINT, 130, "stopped immediately"),
    ],
    ids=["SIGTERM", "SIGUSR1", "SIGHUP", "SIGINT"],
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


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 75), (signal.SIGUSR1, 75), (signal.SIGHUP, 75), (signal.SIGINT, 130)],
    ids=["SIGTERM", "SIGUSR1", "SIGHUP", "SIGINT"],
)
def test_a_signal_while_modules_load(tmp_path, number, status):
    (tmp_path / "typer.py").write_text("import pathlib, time\npathlib.Path('reached').touch()\ntime.sleep(60)\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "sma_core", "train", "--domain", "toy"]
    child = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    wait_for(tmp_path / "reached")
    child.send_signal(number)
    said = child.communicate(timeout=60)[1]
    assert child.returncode == status
    assert "stopped" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
@pytest.mark.parametrize("out", ["out.csv", "out.parquet", "out.jsonl", "out.npy", "out.npz", "out.h5"])
def test_a_signal_during_predict_or_embed_leaves_no_temporary_file(toy, shared, tmp_path, number, out):
    if out.endswith("h5"):
        pytest.importorskip("h5py")
    run = shared / "tuned"
    if not run.exists():
        sma_core.finetune(toy, settings={"training.epochs": 1.0}, out=run)
    (tmp_path / "words.txt").write_text("kato\nmire\n" * 3000)  # more than one chunk
    (tmp_path / "out").mkdir()
    verb = "embed" if out.endswith(("npy", "npz", "h5")) else "predict"

    def linger():
        plain = LoadedRun.batches

        def batches(self, *arguments):
            if (tmp_path / "once").exists() and list((tmp_path / "out").iterdir()):
                (tmp_path / "reached").touch()
                time.sleep(60)
            (tmp_path / "once").touch()
            return plain(self, *arguments)

        LoadedRun.batches = batches

    place = tmp_path / "out" / out
    child = program_begun(tmp_path, verb, "--model", run, tmp_path / "words.txt", "--out", place, before=linger)
    wait_for(tmp_path / "reached")
    os.kill(child, number)
    left = end_of(child, tmp_path)
    assert left.status == (130 if number == signal.SIGINT else 75)
    assert "stopped" in left.said
    assert "Traceback" not in left.said
    assert not list((tmp_path / "out").iterdir())


def test_a_hangup_that_is_ignored_stays_ignored(toy, tmp_path):
    def ignore():
        slow(tmp_path / "reached", 1.0)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        child = begin(toy, tmp_path, before=ignore)
    finally:
        signal.signal(signal.SIGHUP, before)
    os.kill(child, signal.SIGHUP)
    left = end_of(child, tmp_path)
    assert left.status == 0
    assert CheckpointStore(tmp_path / "run" / "checkpoints").latest().step == 8
