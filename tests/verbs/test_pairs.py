"""Inputs of two columns, which the tokenizer's separator joins: every command reads them alike."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sma_core
from sma_core.data.plugin_code import encode, normal_forms, read_texts, reasons
from sma_core.data.readers.csv import read_csv
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.errors import ConfigError, DataError
from tests.support.runs import table

WORDS = ["ka", "tomi", "revex", "qui", "su", "moro", "lita", "pexa", "zu", "nanu"]
PAIRS = [(one, two) for one in WORDS for two in WORDS[::-1]]
QUICK = {"training.epochs": 1.0, "data.column": "first,second", "targets": "same"}


@pytest.fixture
def rows(tmp_path):
    lines = [f"{one},{two},{int(one[0] == two[0])}" for one, two in PAIRS]
    (tmp_path / "rows.csv").write_text("\n".join(["first,second,same", *lines]) + "\n")
    return tmp_path / "rows.csv"


def tuned(toy, rows, tmp_path, **settings):
    return sma_core.finetune(toy, data=rows, settings=QUICK | settings, out=tmp_path / "run")


def test_both_texts_end_with_the_separator():
    tokenizer = ByteTokenizer()
    encoded = encode(tokenizer, ["ab\0c", "d"], [1, 2])
    parts = tokenizer.encode(["ab", "c", "d"])
    assert encoded[0].tolist() == [*parts[0], *parts[1]]
    assert encoded[1].tolist() == parts[2].tolist()


def test_both_texts_are_checked_and_get_their_normal_form():
    check = lambda texts: ["bad" if text == "b" else None for text in texts]  # noqa: E731
    assert reasons(check, ["a\0b", "a\0c", "b", "a"], [1, 2, 3, 4]) == ["bad", None, "bad", None]
    upper = lambda texts: [text.upper() for text in texts]  # noqa: E731
    assert normal_forms(upper, ["a\0b", "c"], [1, 2]) == ["A\0B", "C"]


def test_a_pair_without_one_of_its_texts_is_unusable(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b,label\nx,,1\n,y,2\nx,y,3\n")
    records = list(read_texts(read_csv, tmp_path / "rows.csv", "a,b", ["label"]))
    assert [getattr(record, "reason", None) for record in records] == ["empty: b", "empty", None]
    assert [record.fields for record in records] == [("1",), ("2",), ("3",)]
    assert records[2].text == "x\0y"
    with pytest.raises(DataError, match="has no column 'c'"):
        list(read_texts(read_csv, tmp_path / "rows.csv", "a,c", []))
    with pytest.raises(DataError, match="names 3 columns: an input is one text, or a pair of two"):
        list(read_texts(read_csv, tmp_path / "rows.csv", "a,b,c", []))


def test_every_command_reads_pairs(toy, rows, tmp_path, run_sma):
    result = tuned(toy, rows, tmp_path)
    loaded = sma_core.load(result.run)
    in_memory = loaded.predict(PAIRS)
    assert in_memory.shape == (100, 1)
    assert not np.allclose(in_memory[1], in_memory[10])  # the order of the texts counts
    columns = {"first": [one for one, _ in PAIRS], "second": [two for _, two in PAIRS], "same": [0] * 100}
    np.testing.assert_allclose(loaded.predict(columns), in_memory, rtol=1e-5)
    sma_core.predict(result.run, rows, out=tmp_path / "out.csv")
    lines = table(tmp_path / "out.csv")
    assert [line["input"] for line in lines] == ["\t".join(pair) for pair in PAIRS]
    np.testing.assert_allclose([float(line["same"]) for line in lines], in_memory[:, 0], rtol=1e-4)
    evaluated = sma_core.evaluate(result.run, data=rows, bootstrap=0, predictions=tmp_path / "p.csv")
    assert evaluated.rows == 100
    assert table(tmp_path / "p.csv")[0]["input"] == "\t".join(PAIRS[0])
    assert sma_core.evaluate(result.run, bootstrap=0).rows == result.rows["test"]
    sma_core.embed(result.run, rows, tmp_path / "v.npy")
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), loaded.embed(PAIRS), rtol=1e-4, atol=1e-6)
    (tmp_path / "other.csv").write_text("one,two\nka,su\n")
    out = ["--out", tmp_path / "other-out.csv", "--json"]
    done = run_sma("predict", "--model", result.run, tmp_path / "other.csv", "--input", "one,two", *out)
    assert json.loads(done.stdout)["unusable"] == 0
    done = run_sma("predict", "--model", result.run, tmp_path / "other.csv", "--input", "one", *out, "--force")
    assert (done.returncode, "name two with --input FIRST,SECOND" in done.stderr) == (2, True)
    done = run_sma("predict", "--model", result.run, tmp_path / "other.csv", *out, "--force")
    assert (done.returncode, "has no column 'first'" in done.stderr) == (2, True)


def test_what_cannot_be_is_one_sentence(toy, rows, tmp_path):
    loaded = sma_core.load(tuned(toy, rows, tmp_path).run)
    with pytest.raises(DataError, match="row 1 is one text, but the model was trained on pairs"):
        loaded.predict(["ka"])
    assert np.isnan(loaded.predict([("ka", " "), ("ka", "n7"), ("ka", "su")])[:, 0]).tolist() == [
        True,
        True,
        False,
    ]
    marks = rows.read_text().replace(",1\n", ",++\n").replace(",0\n", ",++\n")
    (tmp_path / "marks.csv").write_text(marks)
    with pytest.raises(ConfigError, match=r"labels of characters belong to one text, but data\.column names two"):
        sma_core.finetune(toy, data=tmp_path / "marks.csv", settings=QUICK | {"kind": "per-position"})


def test_pre_training_reads_pairs_in_windows(toy, rows, tmp_path):
    settings = {
        "data.column": "first,second",
        "training.steps": 1,
        "model.max_length": 8,
        "data.window_overlap": 2,
    }
    result = sma_core.train(toy, data=rows, settings=settings, out=tmp_path / "run")
    assert (result.rows, result.windowed) == (100, sum(len(one) + len(two) + 2 > 8 for one, two in PAIRS))
    loaded = sma_core.load(result.run)
    assert loaded.embed(PAIRS[:3]).shape[0] == 3
