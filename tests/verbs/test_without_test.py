"""Fine-tuning on all rows, `split.test = 0`: no test part, and every place says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sma_core
from sma_core.cli.finetune import NO_TEST
from sma_core.errors import ConfigError


def test_all_rows_train_or_validate_and_no_test_is_claimed(toy, run_sma, tmp_path):
    epoch = ("--set", "training.epochs=1")
    done = run_sma("finetune", "--domain", toy, "--set", "split.test=0", *epoch, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert NO_TEST in done.stdout.splitlines()
    assert "baseline" not in done.stdout
    results = json.loads(Path("run/results.json").read_text())
    assert (results["test"], results["test_targets"], results["rows"]["test"]) == ({}, {}, 0)
    usual = run_sma("finetune", "--domain", toy, *epoch, "--out", "usual", "--json")
    assert sum(results["rows"].values()) == sum(json.loads(usual.stdout)["rows"].values())
    card = Path("run/README.md").read_text()
    assert "No rows were kept for a test" in card
    assert "| metric | validation |\n" in card
    assert "sma evaluate --model run --part valid\n" in card
    (shown,) = [line for line in done.stdout.splitlines() if line.startswith("with intervals: ")]
    judged = run_sma(*shown.removeprefix("with intervals: sma ").split(), "--bootstrap", "10")
    assert judged.returncode == 0, judged.stderr
    with pytest.raises(ConfigError, match=r"run has no test rows: choose another `part` \(train, valid, all\)"):
        sma_core.evaluate(tmp_path / "run")


def test_a_column_without_test_rows_is_an_error_unless_no_test_is_wanted(toy, tmp_path):
    from toy_domain.words import make_words

    file = tmp_path / "mine.csv"
    rows = [
        f"{word},{len(word)},{'valid' if row % 5 == 0 else 'train'}" for row, word in enumerate(make_words(60, 7))
    ]
    file.write_text("\n".join(["word,y,part", *rows]))
    settings = {"targets": ["y"], "split.column": "part", "training.epochs": 1.0}
    with pytest.raises(sma_core.errors.DataError, match="puts no row into the test"):
        sma_core.finetune(toy, data=str(file), settings=settings)
    result = sma_core.finetune(toy, data=str(file), settings=settings | {"split.test": 0.0}, out=tmp_path / "run")
    assert result.rows == {"train": 48, "valid": 12, "test": 0}
