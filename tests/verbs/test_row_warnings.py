"""Warnings on rows as a whole: a held-out loss of few rows, a column of the split that was not used."""

from __future__ import annotations

import json
from pathlib import Path

import sma_core
from sma_core.data.unusual_rows.row_warnings import few_held_out

WORDS = "".join(f"{first}{second}o\n" for first in "aeioubcdfgh" for second in "klmnprstv")


def test_few_held_out_rows_are_told_in_output_results_and_card(toy, run_sma, tmp_path):
    (tmp_path / "mine.txt").write_text(WORDS)
    few = ("--data", "mine.txt", "--set", "training.steps=2", "--set", "data.held_out=0.0001")
    done = run_sma("train", "--domain", toy, *few, "--out", "run")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "held-out loss rests" in line]
    assert line.startswith(
        "warning: the held-out loss rests on 1 row, so that it may be far from that of other rows"
    )
    result = json.loads(Path("run/results.json").read_text())
    (sentence,) = [sentence for sentence in result["warnings"] if "held-out loss rests" in sentence]
    assert result["held_out_rows"] == 1
    assert sentence in Path("run/README.md").read_text()


def test_enough_held_out_rows_are_no_reason_to_warn(toy, tmp_path):
    (tmp_path / "mine.txt").write_text(WORDS)
    settings = {"training.steps": 2, "data.held_out": 0.5}
    result = sma_core.train(toy, data=tmp_path / "mine.txt", settings=settings, out=tmp_path / "run")
    assert result.held_out_rows >= 30
    assert not [sentence for sentence in result.warnings if "held-out loss rests" in sentence]
    assert few_held_out(29) != few_held_out(30) == []


def test_the_next_command_of_a_run_on_a_file_names_a_file_and_its_labels(toy, run_sma, tmp_path):
    (tmp_path / "mine.txt").write_text(WORDS)
    done = run_sma("train", "--domain", toy, "--data", "mine.txt", "--set", "training.steps=2", "--out", "run")
    following = done.stdout.splitlines()[-1]
    assert following == f"next: sma finetune --domain {toy} --model run --data FILE --target COLUMN"
    assert json.loads(Path("run/results.json").read_text())["own_file"] is True
    (tmp_path / "labelled.csv").write_text(
        "word,y\n" + "".join(f"{word},{ord(word[0])}\n" for word in WORDS.split())
    )
    options = following.replace("FILE", "labelled.csv").replace("COLUMN", "y").split()[2:]
    done = run_sma(*options, "--dry-run")
    assert done.returncode == 0, done.stderr


def test_a_column_of_the_split_that_is_not_used_is_told_with_how_to_use_it(toy, run_sma, tmp_path):
    words = WORDS.split()
    parts = ["train"] * 80 + ["valid"] * 10 + ["test"] * 20
    lines = [f"{word},{ord(word[0])},{part}\n" for word, part in zip(words, parts, strict=False)]
    (tmp_path / "mine.csv").write_text("".join(["word,y,Split\n", *lines]))
    common = ("finetune", "--domain", toy, "--data", "mine.csv", "--target", "y", "--dry-run")
    done = run_sma(*common)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "has a column 'Split'" in line]
    assert line.startswith(
        "warning: mine.csv has a column 'Split', which was not used: the rows were divided by the"
    )
    assert line.endswith("pass --split-column Split")
    for chosen in (("--split-column", "Split"), ("--split", "random")):
        assert "has a column 'Split'" not in run_sma(*common, *chosen).stdout
