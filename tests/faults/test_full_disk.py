"""A disk that is full, read-only or broken: one sentence, nothing half-written, and later the run goes on."""

from __future__ import annotations

import errno
import os
import resource

import pytest
import torch

from sma_core.checkpoints.store import CheckpointStore
from sma_core.errors import CheckpointError
from tests.faults.child import Moments, failing, one_sentence, program
from tests.faults.runs import SETTINGS, begin_or_go_on
from tests.support.runs import curve, same, weights
from tests.support.toy_domain.words import make_words

ASKED = [f"{name}={value}" for name, value in SETTINGS.items()]
REFUSALS = [errno.ENOSPC, errno.EROFS, errno.EIO]


def train(toy, folder, *settings, data="words", before=lambda: None):
    given = [text for setting in [*ASKED, *settings] for text in ("--set", setting)]
    asked = ["train", "--domain", toy, "--out", folder / "run", "--resume", "auto", "--data", data, *given]
    return program(folder, *asked, before=before)


@pytest.mark.parametrize("number", REFUSALS, ids=[errno.errorcode[number] for number in REFUSALS])
def test_at_any_moment_of_a_save_the_checkpoints_before_stay(tmp_path, number):
    tensors = {"weight": torch.ones(2)}
    at, refused = 1, 0
    while True:
        store = CheckpointStore(tmp_path / str(at))
        store.save(4, tensors, tensors, {})
        said, moments = "", Moments(at, failing(number))
        try:
            with moments.inside(removals=False):
                store.save(8, tensors, tensors, {})
        except CheckpointError as error:
            said = str(error)
        if moments.seen < at:
            break
        assert store.read(4).step == 4
        if said:
            refused += 1
            assert os.strerror(number) in said
            assert "earlier checkpoints are unchanged" in said
            assert store.latest().step in (4, 8)
        else:  # making a folder that is there already may fail
            assert store.latest().step == 8
        assert {path.name for path in store.folder.iterdir()} <= {"latest", "step-00000004", "step-00000008"}
        at += 1
    assert refused > 10


def trouble(toy, tmp_path, at, whole):
    """Let the disk be full at moment ``at`` of a whole training, then go on; None when it was over before."""
    folder = tmp_path / str(at)
    folder.mkdir()
    reached = folder / "reached"

    def note_and_fail():
        reached.touch()
        failing(errno.ENOSPC)()

    moments = Moments(at, note_and_fail)
    left = train(toy, folder, before=lambda: moments.inside(removals=False).__enter__())
    if left.status:
        assert "No space left on device" in one_sentence(left)
    run = begin_or_go_on(toy, folder / "run")
    assert same(weights(run, 6), weights(whole, 6))
    assert curve(run) == curve(whole)
    return left.status if reached.exists() else None


def test_at_some_moments_of_a_training(toy, tmp_path):
    whole = begin_or_go_on(toy, tmp_path / "whole")
    ends = [trouble(toy, tmp_path, at, whole) for at in range(1, 90, 8)]
    assert ends.count(2) > 6


@pytest.mark.full
def test_at_every_moment_of_a_training(toy, tmp_path):
    whole = begin_or_go_on(toy, tmp_path / "whole")
    ends = []
    while (end := trouble(toy, tmp_path, len(ends) + 1, whole)) is not None:
        ends.append(end)
    assert ends.count(2) > 60


def files_up_to(size):
    """Let the system itself refuse to make files larger than so many bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("".join(f"{word}\n" for word in make_words(600, 1)))
    return path


@pytest.mark.parametrize(
    ("size", "file"),
    [(600, "config.toml"), (3000, "metrics.jsonl"), (20_000, "checkpoint of step 2")],
)
def test_the_system_refuses_to_write_a_file_of_a_run(toy, tmp_path, words, size, file):
    more = {"training.steps": 30, "training.checkpoint_every": 15} if file == "metrics.jsonl" else {}
    settings = SETTINGS | more
    whole = begin_or_go_on(toy, tmp_path / "whole", settings, str(words))
    asked = [f"{name}={value}" for name, value in more.items()]
    sentence = one_sentence(train(toy, tmp_path, *asked, data=words, before=files_up_to(size)))
    assert file in sentence
    assert "File too large" in sentence or "os error 27" in sentence
    assert train(toy, tmp_path, *asked, data=words).status == 0
    last = settings["training.steps"]
    assert same(weights(tmp_path / "run", last), weights(whole, last))
    assert not list(tmp_path.rglob(".*.tmp"))


def test_the_system_refuses_to_write_prepared_data(toy, tmp_path, words, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("SMA_CACHE", str(cache))
    sentence = one_sentence(train(toy, tmp_path, data=words, before=files_up_to(3000)))
    assert f"the prepared data cannot be written to {cache}" in sentence
    assert "File too large" in sentence
    assert not (tmp_path / "run").exists()
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert train(toy, tmp_path, data=words).status == 0
