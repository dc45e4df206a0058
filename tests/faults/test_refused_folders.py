"""Folders that may not be written, and locks: one sentence, and whoever works there is not disturbed."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

import sma_core
from sma_core.runs.run_folder import RunFolder
from tests.faults.child import KILLED, begun, ended, forked, one_sentence, program, wait_for
from tests.faults.runs import SETTINGS, begin_or_go_on
from tests.support.runs import same, weights

NOBODY = 65534


@pytest.fixture
def open_folder():
    """A folder that anyone may enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o700)
    shutil.rmtree(folder)


def as_nobody():
    """Let root be refused as others are."""
    if os.geteuid() == 0:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)


def others_may_read_the_code():
    def look():
        as_nobody()
        Path(sma_core.__file__).read_bytes()

    return forked(look) == 0


needs_rights = pytest.mark.skipif(
    os.name == "nt" or not others_may_read_the_code(), reason="another user may not read the code here"
)


def closed(folder):
    """Let nobody write there, not its owner either."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


@needs_rights
def test_a_run_folder_that_may_not_be_written(toy, open_folder):
    run = begin_or_go_on(toy, open_folder / "run")
    before = weights(run, 6)
    closed(run)
    left = program(open_folder, "train", "--resume", run, "--set", "training.steps=8", before=as_nobody)
    sentence = one_sentence(left)
    assert str(run) in sentence
    assert "Permission denied" in sentence
    assert same(weights(run, 6), before)


@needs_rights
def test_a_place_for_runs_that_may_not_be_written(toy, open_folder, monkeypatch):
    monkeypatch.setenv("SMA_CACHE", str(open_folder / "cache"))
    (open_folder / "runs").mkdir(mode=0o555)
    left = program(open_folder, "train", "--domain", toy, "--out", open_folder / "runs" / "a", before=as_nobody)
    sentence = one_sentence(left)
    assert f"{open_folder / 'runs' / 'a'}: Permission denied" in sentence


@needs_rights
def test_a_cache_that_may_not_be_written_serves_what_is_prepared_and_no_more(toy, open_folder, monkeypatch):
    monkeypatch.setenv("SMA_CACHE", str(open_folder / "cache"))
    words = open_folder / "words.txt"
    words.write_text("kato\nmire\nsulan\n" * 30)
    begin_or_go_on(toy, open_folder / "first", data=str(words))
    closed(open_folder / "cache")
    asked = ["train", "--domain", toy, "--set", "training.steps=1", "--out", open_folder / "second", "--data"]
    assert program(open_folder, *asked, words, before=as_nobody).status == 0
    other = open_folder / "other.txt"
    other.write_text("kato\nmire\nsulan\n" * 31)
    sentence = one_sentence(program(open_folder, *asked, other, "--out", open_folder / "third", before=as_nobody))
    assert "the prepared data cannot be written" in sentence
    assert "Permission denied" in sentence
    assert not (open_folder / "third").exists()


def test_a_second_process_is_told_and_the_first_is_not_disturbed(toy, tmp_path):
    whole = begin_or_go_on(toy, tmp_path / "whole")
    run, go_on = tmp_path / "run", tmp_path / "go on"

    def wait(event):
        if getattr(event, "step", 0) == 3:
            wait_for(go_on)

    first = begun(lambda: sma_core.train(toy, settings=SETTINGS, out=run, observers=[wait]))
    wait_for(run / "metrics.jsonl")
    for asked in (["--resume", run], ["--domain", toy, "--out", run, "--resume", "auto"]):
        assert f"{run} is in use by another training process" in one_sentence(program(tmp_path, "train", *asked))
    go_on.touch()
    assert ended(first) == 0
    assert same(weights(run, 6), weights(whole, 6))


def test_two_that_begin_in_one_folder_do_not_mix(toy, tmp_path):
    run = tmp_path / "run"
    folder = RunFolder.create(run, "")
    with folder.locked():
        left = program(tmp_path, "train", "--domain", toy, "--out", run)
    assert "in use by another training process" in one_sentence(left)
    assert [path.name for path in run.iterdir()] == [".lock"]


def test_new_runs_of_one_second_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda _: "20260101-000000")
    assert [RunFolder.create(None, "toy").path.name for _ in range(2)] == [
        "toy-20260101-000000",
        "toy-20260101-000000-2",
    ]


def test_the_lock_of_a_killed_process_is_no_obstacle(toy, tmp_path):
    run, there = tmp_path / "run", tmp_path / "there"

    def hold():
        with RunFolder.create(run, "").locked():
            there.touch()
            time.sleep(60)

    child = begun(hold)
    wait_for(there)
    os.kill(child, signal.SIGKILL)
    assert ended(child) == KILLED
    assert (run / ".lock").exists()
    begin_or_go_on(toy, run)


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch, caplog):
    def no_locks(*_):
        raise NotImplementedError("no flock here")

    monkeypatch.setattr("filelock.FileLock._acquire", no_locks)
    with RunFolder.create(tmp_path / "run", "").locked():
        assert "has no locks" in caplog.text
