"""kill -9 at every moment of a save, its publication, and the deletion of what is no longer kept."""

from __future__ import annotations

import shutil

import torch

from sma_core.checkpoints.store import CheckpointStore
from tests.faults.child import killed_at

MOMENTS = 20
"""At least so many moments there are, or the functions that are watched are no longer those that matter."""


def tensors(step):
    return {"weight": torch.full((3, 2), float(step))}


def save(store, step):
    store.save(step, tensors(step), tensors(-step), {"best_step": 4})
    store.prune(keep_last=2, best_step=4)


def check(store, step):
    read = store.read(step)
    assert read.state["step"] == step
    assert torch.equal(read.model()["weight"], tensors(step)["weight"])
    assert torch.equal(read.training()["weight"], tensors(-step)["weight"])


def test_a_kill_at_any_moment_of_a_save_loses_nothing_that_was_published(tmp_path):
    before = CheckpointStore(tmp_path / "before")
    for step in (4, 8, 12):
        save(before, step)
    at = 1
    while True:
        store = CheckpointStore(tmp_path / str(at))
        shutil.copytree(before.folder, store.folder)
        if not killed_at(at, lambda store=store: save(store, 16)):
            break
        newest = store.latest().step
        assert newest in (12, 16)
        for step in (4, 12, newest):
            check(store, step)
        store.sweep(after=newest)
        assert not list(store.folder.glob(".*"))
        save(store, 16)
        assert store.steps() == [4, 12, 16]
        assert (store.folder / "latest").read_text() == "step-00000016\n"
        at += 1
    assert store.steps() == [4, 12, 16]
    assert at > MOMENTS


def test_a_kill_while_a_step_is_saved_once_more_leaves_it_or_the_one_before(tmp_path):
    at = 1
    while True:
        store = CheckpointStore(tmp_path / str(at))
        for step in (4, 8):
            save(store, step)
        if not killed_at(at, lambda store=store: save(store, 8)):
            break
        assert store.latest().step in (4, 8)
        check(store, store.latest().step)
        at += 1
    assert at > MOMENTS
