"""Test rows that the model was pre-trained on are counted, whatever kind of rows they are."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file

import sma_core
from sma_core.labels import pretraining_rows
from sma_core.labels.pretraining_rows import NAME

FEW = {"training.epochs": 1.0, "baselines": False, "split.column": "part"}
STEPS = {"training.steps": 2}
SAID = "are among the rows of the pre-training"


def texts(prefix, count):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [prefix + letters[number // 26] + letters[number % 26] for number in range(count)]


def labelled(path, test, column="text"):
    """Write 40 training, 10 validation and the test rows."""
    rows = [*((text, "train") for text in texts("q", 40)), *((text, "valid") for text in texts("v", 10))]
    rows += [(text, "test") for text in test]
    lines = [f"{text},{part},{number % 7}" for number, (text, part) in enumerate(rows)]
    path.write_text(f"{column},part,y\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def pretrained(toy, tmp_path):
    (tmp_path / "rows.txt").write_text("\n".join(texts("a", 200)) + "\n")
    settings = STEPS | {"data.held_out": 0.05}
    return sma_core.train(toy, data=tmp_path / "rows.txt", settings=settings, out=tmp_path / "pre").run


def said(run, data, **settings):
    options = {"targets": ["y"], "kind": "regression", "data.column": "text"} | FEW | settings
    result = sma_core.finetune(model=run, data=data, settings=options, out=data.with_suffix(""))
    return [warning for warning in result.warnings if SAID in warning or "it is not known" in warning]


def test_test_rows_of_the_pre_training_are_counted(pretrained, tmp_path):
    hashes = load_file(pretrained / NAME)
    assert int(hashes["rows"][0]) == len(hashes["hashes"]) < 200  # without the held-out rows
    assert (pretrained / NAME).stat().st_mode == (pretrained / "config.toml").stat().st_mode
    held_out = 200 - len(hashes["hashes"])
    (sentence,) = said(pretrained, labelled(tmp_path / "some.csv", texts("a", 200) + texts("new", 5)))
    assert sentence.startswith(f"{200 - held_out} of 205 test rows {SAID}")
    assert said(pretrained, labelled(tmp_path / "none.csv", texts("new", 5))) == []


def test_of_many_rows_a_sample_is_kept_and_the_number_is_about(pretrained, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining_rows, "MOST_ROWS", 100)
    run = sma_core.train(toy, data=tmp_path / "rows.txt", settings=STEPS, out=tmp_path / "sampled").run
    hashes = load_file(run / NAME)
    assert (len(hashes["hashes"]), int(hashes["rows"][0]) > 150) == (100, True)
    (sentence,) = said(run, labelled(tmp_path / "many.csv", texts("a", 200)))
    assert sentence.startswith("about 1")  # between 100 and 200


def test_a_damaged_list_is_told_and_a_missing_one_is_not(pretrained, tmp_path):
    data = labelled(tmp_path / "some.csv", texts("a", 20))
    (pretrained / NAME).write_bytes(b"nothing")
    (sentence,) = said(pretrained, data)
    assert sentence.startswith("it is not known whether test rows are among the rows of the pre-training")
    (pretrained / NAME).unlink()
    assert said(pretrained, data.rename(tmp_path / "again.csv")) == []


def test_rows_of_numbers_are_equal_if_all_values_are(numbers, tmp_path):
    values = np.random.default_rng(0).normal(size=(100, 3)).round(3)
    lines = [",".join(map(str, row)) for row in values]
    (tmp_path / "rows.csv").write_text("a,b,c\n" + "\n".join(lines) + "\n")
    run = sma_core.train(numbers, data=tmp_path / "rows.csv", settings=STEPS, out=tmp_path / "pre").run
    known = len(load_file(run / NAME)["hashes"])
    other = np.random.default_rng(1).normal(size=(50, 3)).round(3)
    table = [f"{a},{b},{c},train,{a}" for a, b, c in other] + [f"{a},{b},{c},valid,{a}" for a, b, c in other[:9]]
    table += [f"{line},test,1" for line in lines]
    path = tmp_path / "labelled.csv"
    path.write_text("a,b,c,part,y\n" + "\n".join(table) + "\n")
    settings = {"targets": ["y"], "kind": "regression"} | FEW
    result = sma_core.finetune(model=run, data=path, settings=settings, out=tmp_path / "tuned")
    (sentence,) = [warning for warning in result.warnings if SAID in warning]
    assert sentence.startswith(f"{known} of 100 test rows")
