"""Errors of libraries and of absurd settings: one sentence with status 2; a defect of ours has its own status."""

from __future__ import annotations

import errno
import json

import pytest
import torch

from sma_core.errors import EXIT_DEFECT, EXIT_USER
from sma_core.printable import LONGEST, message_text, printable

HUGE = "9" * 5000


def said(done):
    """The sentence of an error, on few lines."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < LONGEST + 500
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seed", "18446744073709551616"], "seed"),
        (["--seed", "-1"], "seed"),
        (["--set", "training.epochs=inf"], "training.epochs"),
        (["--set", "training.epochs=nan"], "training.epochs"),
        (["--set", "training.epochs=1e300"], "epochs"),
        (["--set", f"training.steps={HUGE}"], "training.steps"),
        (["--set", "training.steps=1e400"], "training.steps"),
        (["--set", "training.learning_rate=inf"], "training.learning_rate"),
        (["--set", "masking.keys_per_query=1e-320"], "masking.keys_per_query"),
        (["--set", "model.latents=1000000000"], "model.latents"),
        (["--set", "model.latent_width=9223372036854775807"], "latent_width"),
        (["--set", "model.layers=100000000"], "model.layers"),
        (["--set", "training.batch_size=4611686018427387904"], "batch_size"),
        (["--set", "training.device=meta"], "training.device 'meta' is not supported"),
        (["--set", "training.device=cuda:99"], "cuda"),
        (["--set", "training.device=\x1b[31m"], "training.device"),
        (["--set", "training.time_limit=" + "9" * 400 + "d"], "time_limit"),
        (["--set", "a=" + "[" * 50_000], "no setting 'a'"),
        (["--set", "training.optimizer=" + "x" * 100_000], "training.optimizer"),
        (["--config", "deep.toml"], "deep.toml is not valid TOML"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_absurd_setting_is_one_sentence(toy, run_sma, tmp_path, arguments, sentence):
    (tmp_path / "deep.toml").write_text("a = " + "[" * 100_000)
    done = run_sma("train", "--domain", "toy", "--out", "run", *arguments)
    assert done.returncode == EXIT_USER
    assert "\x1b" not in done.stderr
    assert sentence in said(done) or sentence.partition(".")[2] in said(done)
    assert not (tmp_path / "run").exists()


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "out of memory"),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee notes"),
            "out of memory (CUDA",
        ),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
            "out of mem",
        ),
        (RuntimeError("std::bad_alloc"), "out of memory"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), "No space left on device: x"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "y" * 5000), "File name too long"),
        (OSError("cannot read"), "cannot read"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_of_the_machine_is_one_sentence(toy, run_sma, monkeypatch, error, sentence):
    monkeypatch.setattr("sma_core.verbs.train.train", raising(error))
    done = run_sma("train", "--domain", "toy")
    assert done.returncode == EXIT_USER
    assert sentence in said(done)


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), RuntimeError("x"), AssertionError()], ids=repr)
def test_a_defect_has_a_status_of_its_own_and_shows_its_traceback(toy, run_sma, monkeypatch, error):
    monkeypatch.setattr("sma_core.verbs.train.train", raising(error))
    done = run_sma("train", "--domain", "toy")
    assert done.returncode == EXIT_DEFECT == 70
    assert "Traceback" in done.stderr
    assert "this is a defect of sma or of a plugin" in done.stderr.splitlines()[-1]


def test_memory_that_is_not_enough_in_truth(toy, run_sma, tmp_path):
    done = run_sma("train", "--domain", "toy", "--out", "run", "--set", "model.max_length=1048576",
                   "--set", "model.embedding_width=1048576")  # fmt: skip
    assert done.returncode == EXIT_USER
    assert "out of memory" in said(done)


def test_text_that_is_safe_to_show():
    assert printable("a\x1b[31mb\x9bc\u202ed\n\te\ud800é") == "a\\x1b[31mb\\x9bc\\u202ed\n\te\\ud800é"
    assert printable("sequence é 中") == "sequence é 中"
    assert len(message_text("x" * 1_290_000)) < LONGEST + 60


def test_a_message_about_a_name_shows_no_escape_codes(toy, run_sma, tmp_path):
    (tmp_path / "words.csv").write_text("text,\x1b[31mvalue\nkato,1\nmire,2\n")
    done = run_sma("finetune", "--domain", "toy", "--data", "words.csv", "--target", "\x1b]0;title\x07")
    assert done.returncode == EXIT_USER
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr


def test_json_of_a_dry_run_is_valid_json(toy, run_sma):
    done = run_sma("train", "--domain", "toy", "--dry-run", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["parameters"] > 0
