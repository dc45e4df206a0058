"""Rows that are longer than the model reads: counted and flagged wherever rows are read."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

import sma_core
from tests.support.runs import table

SHORT = {"model.max_length": 8}
LONG = "katomire" * 3  # 24 letters and the separator
NOTE = "truncated to 8 of 25 ids"


@pytest.fixture
def tuned(toy, shared):
    """Return a run that reads at most 7 letters."""
    run = shared / "run"
    return run if run.exists() else sma_core.finetune(toy, settings=SHORT, out=run).run


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.txt"
    file.write_text(f"ka\n{LONG}\nno7good\nvex\n")
    return file


def test_training_counts_them_and_warns_where_results_are_read(toy, tmp_path, run_sma):
    done = run_sma("train", "--domain", toy, "--set", "model.max_length=8", "--out", tmp_path / "run")
    (warning,) = [line for line in done.stdout.splitlines() if line.startswith("warning: ") and "longer" in line]
    count, rows = warning.split()[1].replace(",", ""), warning.split()[3].replace(",", "")
    assert 0 < int(count) < int(rows)
    assert f"{int(count):,} truncated)" in done.stdout
    assert "longer than model.max_length (8): only their beginning was read; set a larger" in warning
    result = sma_core.train(toy, settings=SHORT, out=tmp_path / "again")
    assert result.truncated == int(count)
    assert any("longer than model.max_length" in sentence for sentence in result.warnings)
    assert sma_core.train(toy, out=tmp_path / "whole").truncated == 0


def test_fine_tuning_says_so_in_its_results_and_card(tuned):
    results = json.loads((tuned / "results.json").read_text())
    assert results["truncated"] > 0
    (warning,) = [sentence for sentence in results["warnings"] if "model.max_length (8)" in sentence]
    assert warning in (tuned / "README.md").read_text()


def test_evaluate_warns(tuned, run_sma):
    printed = run_sma("evaluate", "--model", tuned, "--bootstrap", "0").stdout
    assert "warning: " in printed
    assert "longer than model.max_length (8)" in printed
    result = json.loads(run_sma("evaluate", "--model", tuned, "--bootstrap", "0", "--json").stdout)
    assert result["truncated"] > 0
    assert sum("longer than model.max_length (8)" in sentence for sentence in result["warnings"]) == 1


def test_predictions_flag_them_by_row(tuned, rows, tmp_path, run_sma):
    done = run_sma("predict", "--model", tuned, rows, "--out", tmp_path / "out.csv")
    lines = table(tmp_path / "out.csv")
    assert [line["reason"] for line in lines] == ["", NOTE, "not letters only", ""]
    assert [bool(line["vowels"]) for line in lines] == [True, True, False, True]
    assert "4 rows in" in done.stderr
    assert "1 without a value" in done.stderr
    assert "warning: 1 of 4 rows (25 %) are longer than model.max_length (8)" in done.stderr
    facts = run_sma("predict", "--model", tuned, rows, "--json", "--out", tmp_path / "again.csv").stdout
    assert {"rows": 4, "unusable": 1, "truncated": 1}.items() <= json.loads(facts).items()


def test_vectors_flag_them_by_row(tuned, rows, tmp_path, run_sma):
    done = run_sma("embed", "--model", tuned, rows, "--out", tmp_path / "v.npz")
    assert "warning: 1 of 4 rows" in done.stderr
    with np.load(tmp_path / "v.npz") as file:
        assert file["truncated_rows"].tolist() == [2]
        assert file["unusable_rows"].tolist() == [3]
        assert np.isfinite(file["vectors"][1]).all()
    pq = pytest.importorskip("pyarrow.parquet")
    run_sma("embed", "--model", tuned, rows, "--out", tmp_path / "v.parquet")
    read = pq.read_table(tmp_path / "v.parquet")
    assert read["reason"].to_pylist() == [None, NOTE, "not letters only", None]
    assert [vector is None for vector in read["vector"].to_pylist()] == [False, False, True, False]


def test_rows_in_memory_are_a_logged_warning(tuned, caplog):
    model = sma_core.load(tuned)
    with caplog.at_level(logging.WARNING, "sma"):
        values = model.predict(word for word in ["ka", LONG])
    assert np.isfinite(values).all()
    assert "1 of 2 rows (50 %) are longer than model.max_length (8)" in caplog.text
    caplog.clear()
    model.predict(["ka", "vex"])
    assert caplog.text == ""


def test_few_of_them_are_told_without_a_warning(tuned, tmp_path, run_sma):
    file = tmp_path / "rows.txt"
    file.write_text("ka\n" * 200 + f"{LONG}\n")
    done = run_sma("predict", "--model", tuned, file, "--out", tmp_path / "out.csv")
    assert "1 of 201 rows (0.5 %) are longer than model.max_length (8)" in done.stderr
    assert "warning" not in done.stderr


def test_a_generator_is_read_like_a_list(tuned):
    model, words = sma_core.load(tuned), ["ka", "vex", "quiqui"]
    np.testing.assert_array_equal(model.embed(word for word in words), model.embed(words))
    np.testing.assert_array_equal(model.predict(iter(words)), model.predict(words))
    assert model.check(word for word in ["ka", "7"]) == [None, "not letters only"]


def test_all_of_them_are_a_hundred_per_cent(tuned, tmp_path, run_sma):
    file = tmp_path / "rows.txt"
    file.write_text(f"{LONG}\n{LONG}\n")
    done = run_sma("predict", "--model", tuned, file, "--out", tmp_path / "out.csv")
    assert "warning: 2 of 2 rows (100 %) are longer" in done.stderr
