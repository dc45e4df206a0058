"""Cut and flipped files of checkpoints and prepared data: seen, named, and the one before or a new one taken."""

from __future__ import annotations

import json
import shutil

import pytest

from sma_core.checkpoints.store import CheckpointStore, DamagedCheckpoint
from sma_core.data.store.file import StoreFile
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.errors import CheckpointError
from tests.faults.child import one_sentence, program
from tests.faults.runs import begin_or_go_on
from tests.support.runs import same, weights

CHECKPOINT_FILES = ["model.safetensors", "training.safetensors", "state.json", "manifest.json"]


def damaged(path, damage):
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "empty":
        content.clear()
    else:
        content[{"first": 0, "middle": len(content) // 2, "last": -2}[damage]] ^= 1
    path.write_bytes(bytes(content))


@pytest.fixture
def whole(toy, tmp_path):
    return begin_or_go_on(toy, tmp_path / "whole", SETTINGS)


SETTINGS = {"training.steps": 6, "training.checkpoint_every": 2, "training.evaluate_every": 6}


@pytest.mark.parametrize("name", CHECKPOINT_FILES)
def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(toy, tmp_path, whole, caplog, name):
    for damage in ("cut", "empty", "first", "middle", "last"):
        run = tmp_path / damage
        shutil.copytree(whole, run)
        damaged(run / "checkpoints" / "step-00000006" / name, damage)
        caplog.clear()
        begin_or_go_on(toy, run, SETTINGS)
        assert "step-00000006 is" in caplog.text
        assert name in caplog.text or "its manifest cannot be read" in caplog.text
        assert "using the previous checkpoint" in caplog.text
        assert same(weights(run, 6), weights(whole, 6))


def test_every_flipped_bit_of_a_manifest_is_seen_or_changes_nothing(whole):
    store = CheckpointStore(whole / "checkpoints")
    path = store.path(6) / "manifest.json"
    content = path.read_bytes()
    facts, seen = json.loads(content), 0
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 7
        path.write_bytes(bytes(changed))
        try:
            store.read(6)
        except DamagedCheckpoint:
            seen += 1
        else:
            assert json.loads(changed) == facts
    assert seen > 0.8 * len(content)


def test_a_run_of_which_no_checkpoint_is_whole_stops_and_removes_nothing(toy, tmp_path, whole):
    for folder in (whole / "checkpoints").glob("step-*"):
        damaged(folder / "state.json", "middle")
    before = sorted((whole / "checkpoints").iterdir())
    sentence = one_sentence(program(tmp_path, "train", "--resume", whole, "--set", "training.steps=8"))
    assert "no other checkpoint" in sentence
    assert "restore one from a backup" in sentence
    assert sorted((whole / "checkpoints").iterdir()) == before


def test_a_checkpoint_that_cannot_be_read_now_is_neither_skipped_nor_removed(toy, tmp_path, whole, monkeypatch):
    def busy(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("sma_core.checkpoints.store.SealedFile.is_whole", busy)
    with pytest.raises(
        CheckpointError, match=r"step-00000006 cannot be read: Input/output error; it may be intact"
    ):
        begin_or_go_on(toy, whole, SETTINGS)
    monkeypatch.undo()
    assert CheckpointStore(whole / "checkpoints").latest().step == 6


def test_a_damaged_run_is_passed_over_by_auto(toy, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "runs" / "broken"
    broken.mkdir(parents=True)
    (broken / "model.json").write_text("{")
    run = begin_or_go_on(toy, None, SETTINGS)
    assert run.name != "broken"
    assert "broken/model.json cannot be read" in caplog.text
    assert "skipping this run" in caplog.text


@pytest.fixture
def prepared(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    words = tmp_path / "words.txt"
    words.write_text("kato\nmire\nsulan\n" * 40)
    run = begin_or_go_on(toy, tmp_path / "run", SETTINGS, str(words))
    return words, run, next((tmp_path / "cache").rglob("summary.json")).parent


@pytest.mark.parametrize("name", ["rows-00000.arrow", "summary.json"])
def test_damaged_prepared_data_are_named_and_prepared_again(toy, tmp_path, prepared, caplog, name):
    words, run, folder = prepared
    good = (folder / name).read_bytes()
    for damage in ("cut", "empty", "first", "middle", "last"):
        damaged(folder / name, damage)
        caplog.clear()
        again = begin_or_go_on(toy, tmp_path / damage, SETTINGS, str(words))
        assert f"the prepared data in {folder} are damaged and will be prepared again" in caplog.text
        assert same(weights(again, 6), weights(run, 6))
        if name != "summary.json":
            assert (folder / name).read_bytes() == good


def test_flipped_ids_are_seen_though_the_file_opens(toy, tmp_path, prepared, caplog):
    words, run, folder = prepared
    path = folder / "rows-00000.arrow"
    content = bytearray(path.read_bytes())
    ids = ByteTokenizer().encode(["kato"]).values.astype(StoreFile.open(path).metadata.row_type)
    content[content.index(ids.tobytes())] ^= 1
    path.write_bytes(bytes(content))
    assert len(StoreFile.open(path)) == 120
    again = begin_or_go_on(toy, tmp_path / "again", SETTINGS, str(words))
    assert "rows-00000.arrow has changed since it was written" in caplog.text
    assert same(weights(again, 6), weights(run, 6))
