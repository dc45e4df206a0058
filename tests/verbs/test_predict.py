"""`sma_core.predict`: formats, several runs, identifiers, batches."""

from __future__ import annotations

import csv
import gzip
import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sma_core
from sma_core.errors import CheckpointError, DataError, UserError
from sma_core.writers.formats.csv import number_text
from tests.support import runs

SHORT = {"training.epochs": 1.0}
ROWS = "name,word\none,katomire\ntwo,n7\nthree,ka\nfour,\nfive,vexquisulan\n"


@pytest.fixture
def words(toy, tmp_path) -> Path:
    (tmp_path / "words.csv").write_text(ROWS)
    return tmp_path / "words.csv"


def run(tmp_path: Path, task: str = "vowels", seed: int = 0, **settings: object) -> Path:
    out = tmp_path / f"{task}-{seed}-{len(settings)}"
    wanted = SHORT | {"training.seed": seed} | {name.replace("__", "."): to for name, to in settings.items()}
    return sma_core.finetune("toy", task=task, settings=wanted, out=out).run


def test_every_format_holds_the_same_rows(words, tmp_path):
    model = run(tmp_path)
    found = {}
    for name in ("out.csv", "out.csv.gz", "out.parquet", "out.jsonl"):
        assert sma_core.predict(model, words, out=tmp_path / name, identifier="name").rows == 5
    with (tmp_path / "out.csv").open(newline="") as file:
        found["csv"] = list(csv.DictReader(file))
    with gzip.open(tmp_path / "out.csv.gz", "rt", newline="") as file:
        assert list(csv.DictReader(file)) == found["csv"]
    table = pq.read_table(tmp_path / "out.parquet")
    found["jsonl"] = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert table.to_pylist() == found["jsonl"]
    assert list(found["csv"][0]) == table.column_names == ["row", "name", "input", "vowels", "reason"]
    assert str(table.schema.field("vowels").type) == "double"
    assert [row["name"] for row in found["jsonl"]] == ["one", "two", "three", "four", "five"]
    assert [row["reason"] for row in found["jsonl"]] == [None, "not letters only", None, "empty", None]
    assert [row["vowels"] is None for row in found["jsonl"]] == [False, True, False, True, False]
    assert [row["vowels"] for row in found["csv"] if row["vowels"]] == [
        number_text(row["vowels"]) for row in found["jsonl"] if row["vowels"] is not None
    ]


def test_several_runs_are_averaged_and_their_spread_is_given(words, tmp_path):
    models = [run(tmp_path, seed=seed) for seed in range(3)]
    sma_core.predict(models, words, out=tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet").to_pydict()
    each = np.stack([sma_core.load(model).predict(["katomire", "ka", "vexquisulan"])[:, 0] for model in models])
    usable = [0, 2, 4]
    assert np.allclose(np.array(table["vowels"])[usable].astype(float), each.mean(axis=0))
    assert np.allclose(np.array(table["vowels:uncertainty"])[usable].astype(float), each.std(axis=0, ddof=1))
    assert table["vowels:uncertainty"][1] is None
    assert each.std(axis=0).min() > 1e-4


def test_the_spread_of_classes_is_that_of_the_chosen_ones_probability(words, tmp_path):
    models = [run(tmp_path, "first", seed) for seed in range(2)]
    sma_core.predict(models, words, out=tmp_path / "out.parquet")
    row = pq.read_table(tmp_path / "out.parquet").to_pylist()[0]
    each = np.concatenate([sma_core.load(model).predict(["katomire"]) for model in models])
    classes = sma_core.load(models[0]).classes
    best = int(each.mean(axis=0).argmax())
    assert row["first"] == classes[best]
    assert row[f"first:{classes[best]}"] == pytest.approx(each[:, best].mean())
    assert row["first:uncertainty"] == pytest.approx(each[:, best].std(ddof=1))


@pytest.mark.parametrize(
    ("task", "settings", "sentence"),
    [
        ("flags", {}, "differ in their kind of labels"),
        ("vowels", {"model__max_length": 24}, "differ in their inputs"),
        ("vowels", {"data__truncate": False}, "differ in their inputs"),
    ],
)
def test_runs_that_were_not_taught_the_same_are_refused(words, tmp_path, task, settings, sentence):
    pair = [run(tmp_path), run(tmp_path, task, 1, **settings)]
    with pytest.raises(CheckpointError, match=sentence):
        sma_core.predict(pair, words, out=tmp_path / "out.csv")
    assert not list(tmp_path.glob("*out.csv*"))


def test_runs_of_two_domains_and_symbols_of_positions_are_refused(words, numbers, tmp_path):
    boxes = sma_core.finetune(numbers, task="volume", settings=SHORT, out=tmp_path / "boxes").run
    with pytest.raises(CheckpointError, match=r"differ in their domain \(toy and toy-numbers\)"):
        sma_core.predict([run(tmp_path), boxes], words)
    marks = run(tmp_path, "marks")
    with pytest.raises(CheckpointError, match="symbols of positions cannot be averaged"):
        sma_core.predict([marks, marks], words)


@pytest.mark.parametrize(
    ("out", "identifier", "sentence"),
    [
        ("out.xlsx", None, r"out\.xlsx: predictions are written to \.csv, .* or \.jsonl; give one"),
        ("nowhere/out.csv", None, "cannot write .*nowhere"),
        (".", None, "it is a folder|give one of these endings"),
        ("out.csv", "nmae", "no column 'nmae'.*did you mean 'name'"),
        ("out.csv", "row", "no column 'row'"),
        ("out.csv", "reason", "no column 'reason'"),
    ],
)
def test_wrong_wishes_get_a_sentence_and_leave_nothing(words, tmp_path, out, identifier, sentence):
    model = run(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises((UserError, DataError), match=sentence):
        sma_core.predict(model, words, out=tmp_path / out, identifier=identifier)
    assert sorted(tmp_path.iterdir()) == before


def test_an_identifier_that_is_named_as_our_own_column_is_refused(words, tmp_path):
    words.write_text(ROWS.replace("name", "reason"))
    with pytest.raises(UserError, match="two columns would be named 'reason'"):
        sma_core.predict(run(tmp_path), words, out=tmp_path / "out.csv", identifier="reason")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_identifiers_of_rows_of_numbers_are_never_rounded(numbers, tmp_path, suffix):
    names = ["height", "width", "depth", "weight", "noise", "event"]
    events = ["5000000001", "9007199254740993", "run 7", "", "16777217"]
    rows = [[1.0, 2.0, 3.0, 4.0, 5.0, event] for event in events]
    rows[1][0] = math.inf
    file = tmp_path / f"in.{suffix}"
    if suffix == "csv":
        file.write_text("\n".join([",".join(names), *(",".join(map(str, row)) for row in rows)]) + "\n")
    else:
        pq.write_table(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), file)
    model = sma_core.finetune(numbers, settings=SHORT, out=tmp_path / "run").run
    sma_core.predict(model, str(file), identifier="event", out=tmp_path / "out.csv")
    lines = runs.table(tmp_path / "out.csv")
    assert [line["event"] for line in lines] == events
    assert [bool(line["reason"]) for line in lines] == [False, True, False, False, False]


def test_the_program_takes_several_models_and_writes_json_lines(words, run_sma, tmp_path):
    models = [run(tmp_path, seed=seed) for seed in range(2)]
    given = [part for model in models for part in ("--model", model)]
    done = run_sma("predict", *given, words, "--out", "out.jsonl", "--id", "name", "--batch-tokens", "64")
    assert done.returncode == 0, done.stderr
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert list(first) == ["row", "name", "input", "vowels", "vowels:uncertainty", "reason"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345601.0, "12345601"), (12345602.0, "12345602"), (0.1, "0.1"), (-2.5e-12, "-2.5e-12"), (1e300, "1e+300")],
)
def test_tables_have_the_digits_that_a_number_needs(value, text):
    assert number_text(value) == text
    assert np.float32(text) == np.float32(value)
