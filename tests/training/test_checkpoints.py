"""Checkpoint folders are whole or not there."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sma_core.checkpoints import store as checkpoints
from sma_core.checkpoints.store import CheckpointStore
from sma_core.checkpoints.tensor_file import save_file
from sma_core.errors import CheckpointError

MODEL = {"weight": torch.arange(6.0).reshape(2, 3)}
TRAINING = {"exp_avg.weight": torch.ones(2, 3)}


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "a path with spaces é" / "checkpoints")


def save(store: CheckpointStore, step: int, **state: object) -> Path:
    return store.save(step, MODEL, TRAINING, state)


def test_a_saved_checkpoint_reads_back(store):
    save(store, 5, epoch=2)
    read = store.read(5)
    assert torch.equal(read.model()["weight"], MODEL["weight"])
    assert torch.equal(read.training()["exp_avg.weight"], TRAINING["exp_avg.weight"])
    assert read.state == {"step": 5, "epoch": 2}


def test_no_file_holds_pickled_data(store):
    folder = save(store, 1)
    assert {path.name for path in folder.iterdir()} == {
        "model.safetensors", "training.safetensors", "state.json", "manifest.json",
    }  # fmt: skip
    for path in folder.glob("*.json"):
        json.loads(path.read_text())


@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_any_damage_is_seen_and_named(store, name, damage):
    path = save(store, 3) / name
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content[len(content) // 2] ^= 4
        path.write_bytes(bytes(content) if damage == "flip" else bytes(content[:-1]))
    with pytest.raises(CheckpointError, match=f"step-00000003 is damaged: {name}"):
        store.read(3)


def test_a_folder_without_manifest_is_no_checkpoint(store):
    save(store, 3)
    (save(store, 4) / "manifest.json").unlink()
    assert store.latest().step == 3


def test_a_later_format_is_refused_with_what_to_do(store):
    manifest = save(store, 3) / "manifest.json"
    facts = json.loads(manifest.read_text()) | {"format": 99}
    del facts["sha256"]  # its own sum, which would show that it was changed
    manifest.write_text(json.dumps(facts))
    for reading in (lambda: store.read(3), store.latest):
        with pytest.raises(CheckpointError, match="upgrade sma-core"):
            reading()


@pytest.mark.parametrize("moment", ["save_file", "_seal"])
def test_a_full_disk_while_saving_loses_nothing_that_was_published(store, monkeypatch, moment):
    save(store, 3)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, moment, full)
    with pytest.raises(CheckpointError, match=r"No space left on device.*unchanged"):
        save(store, 4)
    monkeypatch.undo()
    assert store.latest().step == 3
    assert sorted(path.name for path in store.folder.iterdir()) == ["latest", "step-00000003"]


def test_a_save_cut_off_before_its_name_is_given_is_swept_away(store, monkeypatch):
    save(store, 3)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CheckpointStore, "_publish", killed)
    with pytest.raises(KeyboardInterrupt):
        save(store, 4)
    monkeypatch.undo()
    assert store.steps() == [3]
    store.sweep(after=3)
    assert sorted(path.name for path in store.folder.iterdir()) == ["latest", "step-00000003"]


def test_saving_the_same_step_again_replaces_it(store):
    save(store, 3, epoch=1)
    save(store, 3, epoch=2)
    assert store.read(3).state["epoch"] == 2


def test_pruning_keeps_the_newest_the_best_and_milestones(store):
    for step in range(1, 7):
        save(store, step)
    store.prune(keep_last=2, best_step=3, milestones=(1, 9))
    assert store.steps() == [1, 3, 5, 6]


def test_best_falls_back_to_the_newest_when_it_is_damaged(store, caplog):
    save(store, 1)
    save(store, 2, best_step=1)
    assert store.best().step == 1
    (store.folder / "step-00000001" / "state.json").unlink()
    assert store.best().step == 2
    assert "step-00000001 is damaged" in caplog.text


def test_an_empty_run_has_no_checkpoint(store):
    assert store.latest() is None
    assert store.best() is None


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write to a read-only folder")
def test_a_read_only_folder_gets_a_sentence(store):
    save(store, 1)
    store.folder.chmod(0o500)
    try:
        with pytest.raises(CheckpointError, match="cannot save the checkpoint of step 2"):
            save(store, 2)
    finally:
        store.folder.chmod(0o700)
        shutil.rmtree(store.folder)


def test_tensors_of_an_earlier_format_come_under_todays_names(store):
    weight = torch.ones(2)
    folder = store.save(
        1, {"encoder.cross.query.weight": weight}, {"exp_avg.encoder.cross.query.weight": weight}, {}
    )
    manifest = json.loads((folder / "manifest.json").read_text()) | {"format": 1}
    del manifest["sha256"]  # format 1 had no sum of its own
    (folder / "manifest.json").write_text(json.dumps(manifest))
    read = store.read(1)
    assert list(read.model()) == ["encoder.first.query.weight"]
    assert list(read.training()) == ["exp_avg.encoder.first.query.weight"]


def test_the_file_is_what_the_library_reads_whatever_the_kind_and_shape(tmp_path):
    tensors = {
        "scalar": torch.tensor(3.5),
        "none": torch.empty(0, 4),
        "turned": torch.arange(12.0).reshape(3, 4).t(),
        "odd": torch.tensor([True, False, True]),
        "half": torch.randn(5).to(torch.bfloat16),
        "whole": torch.arange(7),
        "short": torch.arange(-3, 3, dtype=torch.int16),
    }
    save_file(tensors, tmp_path / "file.safetensors")
    found = load_file(tmp_path / "file.safetensors")
    assert sorted(found) == sorted(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_a_kind_of_number_that_cannot_be_kept_is_one_sentence_and_leaves_nothing(store):
    save(store, 3)
    with pytest.raises(CheckpointError, match=r"weight holds torch.complex64, which checkpoints do not support"):
        store.save(4, {"weight": torch.ones(2, dtype=torch.complex64)}, TRAINING, {})
    assert sorted(path.name for path in store.folder.iterdir()) == ["latest", "step-00000003"]
