"""Runs that are read while a training replaces what they read: the newest checkpoint, and nobody says damaged."""

from __future__ import annotations

import logging
import os
import shutil
import threading

import pytest
import torch

from sma_core.checkpoints.store import CheckpointStore, ReplacedCheckpoint, undisturbed
from sma_core.errors import CheckpointError
from tests.faults.child import begun, ended

MODEL = {"weight": torch.zeros(64, 64)}


def test_no_reader_beside_a_training_says_damaged(tmp_path, caplog):
    store = CheckpointStore(tmp_path / "checkpoints")
    store.save(0, MODEL, {}, {"best_step": 0})

    def train():
        for step in range(1, 20):
            store.save(step, MODEL, {}, {"best_step": step - 1})
            store.save(step, MODEL, {}, {"best_step": step})
            store.prune(1, step)

    child = begun(train)
    reads = 0
    with caplog.at_level(logging.WARNING, "sma"):
        while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            assert torch.equal(undisturbed(lambda: store.best().model())["weight"], MODEL["weight"])
            reads += 1
    assert ended(child) == 0
    assert reads > 3
    assert not caplog.messages


def test_a_checkpoint_that_goes_while_it_is_read_is_not_called_damaged(tmp_path, monkeypatch):
    store = CheckpointStore(tmp_path / "checkpoints")
    store.save(1, MODEL, {}, {})
    newest = store.latest()
    shutil.rmtree(newest.folder)
    with pytest.raises(ReplacedCheckpoint, match="repeat the command"):
        newest.model()
    store.save(2, MODEL, {}, {})
    whole = CheckpointStore.steps
    waiting = threading.Event()

    def late(self):
        """The list of steps as it was before one went."""
        steps = whole(self)
        return steps if waiting.is_set() else (waiting.set(), [1, 3])[1]

    monkeypatch.setattr(CheckpointStore, "steps", late)
    assert store.latest().step == 2


def test_a_link_out_of_the_run_is_not_followed(tmp_path):
    other = CheckpointStore(tmp_path / "other" / "checkpoints")
    other.save(1, MODEL, {}, {})
    for name in ("checkpoints", "checkpoints/step-00000001"):
        run = tmp_path / name.replace("/", "-")
        (run / name).parent.mkdir(parents=True)
        (run / name).symlink_to(other.folder if name == "checkpoints" else other.path(1))
        store = CheckpointStore(run / "checkpoints")
        with pytest.raises(CheckpointError, match="is a link out of"):
            store.latest()
        with pytest.raises(CheckpointError, match="is a link out of"):
            undisturbed(store.best)
    assert other.latest().step == 1
    store.save(2, MODEL, {}, {})
    store.prune(1, None)
    assert other.latest().step == 1
    assert sorted(path.name for path in store.folder.iterdir()) == ["latest", "step-00000002"]


def test_a_run_may_be_reached_by_a_link(tmp_path):
    store = CheckpointStore(tmp_path / "run" / "checkpoints")
    store.save(1, MODEL, {}, {})
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert CheckpointStore(tmp_path / "link" / "checkpoints").latest().step == 1
