"""A clock that jumps, folders that move, names with spaces and letters of any script, and too few file handles."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import pytest

import sma_core
from sma_core.checkpoints.store import CheckpointStore
from sma_core.errors import CheckpointError, StoppedOnRequest
from sma_core.files import remove_leftovers, temporary_name
from tests.faults.child import forked, one_sentence, program
from tests.faults.runs import SETTINGS, begin_or_go_on
from tests.support.runs import curve, same, stop_at, weights


@pytest.fixture
def jumping(monkeypatch):
    """A wall clock that jumps by days, back and forth, at each look."""
    jumps = iter([sign * days * 86_400.0 for days in range(1, 10_000) for sign in (1, -1)])
    plain = time.time
    monkeypatch.setattr(time, "time", lambda: plain() + next(jumps))


def test_a_jumping_clock_changes_nothing(toy, tmp_path, jumping):
    limit = {"training.time_limit": "1h"}
    run = begin_or_go_on(toy, tmp_path / "run", SETTINGS | limit)
    other = begin_or_go_on(toy, tmp_path / "other", SETTINGS)
    assert same(weights(run, 6), weights(other, 6))
    assert curve(run) == curve(other)


def test_what_a_living_process_is_writing_is_no_leftover_whatever_the_clock_says(tmp_path):
    place = tmp_path / "place"
    mine, theirs = temporary_name(place), tmp_path / f".place.{os.getppid()}-0.tmp"
    dead = tmp_path / ".place.999999999-0.tmp"
    for path in (mine, theirs, dead):
        path.mkdir()
        (path / "file").touch()
        for old in (path / "file", path):
            os.utime(old, (1, 1))
    (mine / "file").touch()  # written just now, long after the folder was made
    remove_leftovers(place)
    assert mine.exists()
    assert theirs.exists()
    assert not dead.exists()


def test_a_run_goes_on_where_it_was_moved_to_under_any_name(toy, tmp_path):
    whole = begin_or_go_on(toy, tmp_path / "whole")
    place = tmp_path / "a folder with spaces, ünïcödé and 分子"
    with pytest.raises(StoppedOnRequest):
        sma_core.train(toy, settings=SETTINGS, out=place / "run 'one'", observers=[stop_at(3)])
    (place / "run 'one'").rename(tmp_path / 'run "two" → 二')
    place.rmdir()
    run = sma_core.train(resume=str(tmp_path / 'run "two" → 二')).run
    assert same(weights(run, 6), weights(whole, 6))
    assert curve(run) == curve(whole)


def test_data_of_any_name(toy, tmp_path):
    words = tmp_path / "wörter und mehr 語.txt"
    words.write_text("kato\nmire\nsulan\n" * 20)
    asked = ["train", "--domain", toy, "--data", words, "--out", tmp_path / "r ü n", "--set", "training.steps=1"]
    assert program(tmp_path, *asked).status == 0
    asked[4] = words.with_name("fehlt 語.txt")
    assert "fehlt 語.txt" in one_sentence(program(tmp_path, *asked[:-3], tmp_path / "other"))


def test_too_few_file_handles_are_no_damage(toy, tmp_path):
    run = begin_or_go_on(toy, tmp_path / "run", SETTINGS | {"training.steps": 2})

    def few():
        store = CheckpointStore(run / "checkpoints")
        before = store.latest()
        assert before is not None
        tensors = before.model(), before.training()
        used = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, used + 1))
        held = []
        try:
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        for ask in (store.latest, lambda: store.save(4, *tensors, {})):
            with pytest.raises(CheckpointError, match="Too many open files"):
                ask()
        for handle in held:
            os.close(handle)
        assert store.latest().step == 2

    assert forked(few) == 0
    begin_or_go_on(toy, run, SETTINGS | {"training.steps": 4})
