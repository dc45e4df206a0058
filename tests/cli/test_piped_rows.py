"""Rows of `predict` and `embed` from standard input and from the command line."""

from __future__ import annotations

import csv
import io
import subprocess
import sys

import numpy as np
import pytest

import sma_core


@pytest.fixture
def tuned(toy, run_sma):
    options = ("--set", "training.epochs=1", "--no-baselines", "--out", "tuned")
    assert run_sma("finetune", "--domain", toy, *options).returncode == 0
    return run_sma


def piped(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_rows_of_any_place_are_predicted_alike(tuned, tmp_path, monkeypatch):
    (tmp_path / "rows.txt").write_text("kato\nbad row\nmi\n")
    expected = tuned("predict", "rows.txt", "--model", "tuned").stdout
    assert len(list(csv.DictReader(expected.splitlines()))) == 3
    piped(monkeypatch, "kato\nbad row\nmi\n")
    assert tuned("predict", "-", "--model", "tuned").stdout == expected
    given = [text for row in ("kato", "bad row", "mi") for text in ("--row", row)]
    assert tuned("predict", "--model", "tuned", *given).stdout == expected
    piped(monkeypatch, "word,other\nkato,1\nmi,2\n")
    table = tuned("predict", "-", "--model", "tuned", "--reader", "csv", "--input", "word", "--id", "other")
    assert [line["other"] for line in csv.DictReader(table.stdout.splitlines())] == ["1", "2"], table.stderr


def test_a_row_is_embedded(tuned, tmp_path):
    done = tuned("embed", "--row", "kato", "--model", "tuned", "--out", "row.npy")
    assert done.returncode == 0, done.stderr
    assert len(np.load(tmp_path / "row.npy")) == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "pass a FILE, - for standard input, or rows with --row TEXT"),
        (["rows.txt", "--row", "kato"], "and only one of them"),
        (["-", "--devices", "2"], "are read by one process: omit --devices"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(tuned, options, sentence):
    done = tuned("predict", *options, "--model", "tuned")
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr


def test_rows_of_numbers_come_as_a_table(numbers, run_sma, monkeypatch):
    assert run_sma("train", "--domain", numbers, "--set", "training.steps=1", "--out", "pre").returncode == 0
    piped(monkeypatch, "height,width,depth,weight,noise\n1,2,3,4,5\n")
    assert run_sma("embed", "-", "--model", "pre", "--out", "rows.npy").returncode == 0
    done = run_sma("embed", "--row", "1,2,3,4,5", "--model", "pre", "--out", "rows.npy")
    assert "pre reads rows of numbers: pass a table, with - from standard input" in done.stderr


def test_rows_of_the_command_line_that_cannot_be_read_are_one_sentence(tuned, monkeypatch):
    refused = tuned("predict", "--model", "tuned", "--row", "ka", "--row", " ")
    assert (refused.returncode, "row 2 of the command line is empty" in refused.stderr) == (2, True)
    refused = tuned("predict", "--model", "tuned", "--row", "ka\udcff")
    assert (refused.returncode, "not valid UTF-8" in refused.stderr) == (2, True)
    piped(monkeypatch, ">a\nka\nto\n")
    refused = tuned("predict", "--model", "tuned", "-")
    assert (refused.returncode, "name its reader with --reader fasta" in refused.stderr) == (2, True)
    piped(monkeypatch, ">a\nka\nto\n")
    assert tuned("predict", "--model", "tuned", "-", "--reader", "lines").returncode == 0
    monkeypatch.setattr(sys, "stdin", None)
    refused = tuned("predict", "--model", "tuned", "-")
    assert (refused.returncode, "standard input is closed" in refused.stderr) == (2, True)


def test_the_file_that_is_standard_input_is_not_replaced(toy, tmp_path):
    sma_core.finetune(toy, settings={"training.epochs": 1.0, "baselines": False}, out=tmp_path / "tuned")
    rows = tmp_path / "rows.csv"
    rows.write_text("word,other\nkato,1\n")
    command = [sys.executable, "-m", "sma_core", "predict", "-", "--model", "tuned", "--reader", "csv"]
    with rows.open("rb") as file:
        done = subprocess.run(
            [*command, "--out", "rows.csv", "--force"], stdin=file, cwd=tmp_path, capture_output=True, text=True
        )
    assert done.returncode == 2
    assert "rows.csv is both input and output" in done.stderr
    assert rows.read_text() == "word,other\nkato,1\n"
