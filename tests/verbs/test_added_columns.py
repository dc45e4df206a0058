"""Columns that plugins add to predictions, and what they may return wrongly."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest

import sma_core
from sma_core.errors import PluginError, UserError
from sma_core.models.added_columns import COMES_WITH
from sma_core.plugins.domain_file import named

FILE = """
import numpy as np
from sma_core.errors import UserError
from sma_core.plugins import DataSet, Domain, PredictionColumns, hookimpl

@hookimpl
def sma_domains():
    text = {"tokenizer": "bytes", "reader": "table", "columns": ("text",)}
    return [Domain(name="marks", summary="M", dataset="mine", **text)]

@hookimpl
def sma_datasets():
    return [DataSet(name="mine", summary="Mine", source="made", licence="CC0", file="mine.csv")]

@hookimpl
def sma_prediction_columns():
    return [PredictionColumns(name="limits", summary="Limits", factory="toy_limits:Limits")]

class Limits:
    def __init__(self, models, value):
        if value == "bad":
            raise UserError("`limits` is a number, not bad")
        self.add = float(value)

    def columns(self, chunk, predictions):
        return {"upper": predictions.values[:, 0] + self.add, "words": ["x"] * len(chunk.usable)}

    def figures(self, judged):
        return [{"below": float((judged.labels < judged.predictions + self.add).mean())}]
"""

SMALL = {
    "training.epochs": 1.0,
    "baselines": False,
    "targets": ["size"],
    "model.max_length": 16,
    "model.embedding_width": 16,
    "model.latent_width": 16,
    "model.latents": 4,
    "model.layers": 1,
    "model.heads": 2,
}


@pytest.fixture
def domain(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))

    def written(old="", new=""):
        assert old in FILE
        sys.modules.pop("toy_limits", None)
        (tmp_path / "toy_limits.py").write_text(FILE.replace(old, new) if old else FILE)
        return str(tmp_path / "toy_limits.py")

    return written


@pytest.fixture
def rows(tmp_path):
    lines = [f"{'ab' * (1 + i % 5)},{1 + i % 5}" for i in range(60)]
    (tmp_path / "rows.csv").write_text("text,size\n" + "\n".join(lines) + "\n")
    return tmp_path / "rows.csv"


@pytest.fixture
def run(domain, rows, tmp_path):
    return sma_core.finetune(domain(), data=rows, settings=SMALL, out=tmp_path / "run").run


@pytest.fixture
def policy(tmp_path):
    return named(str(tmp_path / "toy_limits.py"))[1]


def lines_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_columns_stand_beside_the_predictions_of_their_rows(run, tmp_path, policy):
    (tmp_path / "some.csv").write_text("text\nabab\nab\n")
    sma_core.predict(run, tmp_path / "some.csv", out=tmp_path / "out.csv", add={"limits": "2"}, policy=policy)
    first, second = lines_of(tmp_path / "out.csv")
    assert float(first["upper"]) == pytest.approx(float(first["size"]) + 2, rel=1e-5)
    assert float(second["upper"]) == pytest.approx(float(second["size"]) + 2, rel=1e-5)
    assert (first["words"], second["row"]) == ("x", "2")


def test_unusable_rows_have_no_cells(run, tmp_path, policy):
    (tmp_path / "some.csv").write_text('text\nabab\n""\nab\n')
    sma_core.predict(run, tmp_path / "some.csv", out=tmp_path / "out.csv", add={"limits": "2"}, policy=policy)
    first, second, third = lines_of(tmp_path / "out.csv")
    assert second["reason"]
    assert (second["upper"], second["words"]) == ("", "")
    assert (first["words"], third["words"]) == ("x", "x")


def test_figures_are_reported_with_intervals(run, policy):
    figures = sma_core.evaluate(run, add={"limits": "1000"}, bootstrap=20, policy=policy).figures
    assert figures["below"].value == figures["below"].low == 1.0
    assert (
        sma_core.evaluate(run, add={"limits": "-1000"}, bootstrap=20, policy=policy).figures["below"].value == 0.0
    )


def test_an_option_of_the_command_line(run, run_sma, tmp_path):
    (tmp_path / "some.csv").write_text("text\nabab\n")
    text = run_sma(
        "predict",
        str(tmp_path / "some.csv"),
        "--model",
        str(run),
        "--add",
        "limits=2",
        "--domain",
        str(tmp_path / "toy_limits.py"),
    ).stdout
    assert text.splitlines()[0] == "row,input,size,upper,words,reason"


def test_an_unknown_name_and_a_wrong_value(run, rows, policy):
    with pytest.raises(PluginError, match="has no column of predictions 'limit': did you mean 'limits'"):
        sma_core.predict(run, rows, add={"limit": True}, policy=policy)
    with pytest.raises(UserError, match="`limits` is a number, not bad"):
        sma_core.predict(run, rows, add={"limits": "bad"}, policy=policy)


WRONG = [
    (
        'return {"upper"',
        'return 3, {"upper"',
        "must return a mapping from names of columns to 60 cells, not tuple",
    ),
    ("predictions.values[:, 0] +", "predictions.values[1:, 0] +", "60 cells, not 59 for 'upper'"),
    ('"upper"', '"size"', "other names than those of the predictions and of other plugins, not 'size'"),
    ('["x"] * len(chunk.usable)', "3", "60 cells, not int for 'words'"),
    ('["x"] * len(chunk.usable)', "[object()] * len(chunk.usable)", "failed: ArrowInvalid"),
    (
        "self.add = float(value)",
        "self.add = float(value[9])",
        "limits' of the file toy_limits.py failed: IndexError",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=range(len(WRONG)))
def test_wrong_columns_are_a_sentence(domain, run, rows, tmp_path, old, new, said, policy):
    domain(old, new)
    with pytest.raises(PluginError) as caught:
        sma_core.predict(run, rows, out=tmp_path / "out.csv", add={"limits": "2"}, policy=policy)
    assert said in str(caught.value)
    assert "'limits'" in str(caught.value)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("None", "a list of 1 mappings"),
        ('[{"below": None}]', "numbers, not NoneType"),
        ("[]", "a list of 1 mappings"),
    ],
)
def test_wrong_figures_are_a_sentence(domain, run, returned, said, policy):
    domain(
        'return [{"below": float((judged.labels < judged.predictions + self.add).mean())}]', f"return {returned}"
    )
    with pytest.raises(PluginError, match=f"figures of the column of predictions 'limits'.*{said}"):
        sma_core.evaluate(run, add={"limits": "2"}, bootstrap=0, policy=policy)


def test_names_of_a_package_that_is_missing(run, rows, monkeypatch, policy):
    monkeypatch.setitem(COMES_WITH, "absent", "sma-absent")
    with pytest.raises(
        PluginError, match="columns of absent are in the package sma-absent: pip install sma-absent"
    ):
        sma_core.predict(run, rows, add={"absent": True}, policy=policy)


def test_nothing_is_added_unasked(run, rows, tmp_path, policy):
    sma_core.predict(run, rows, out=tmp_path / "out.csv", policy=policy)
    assert list(lines_of(tmp_path / "out.csv")[0]) == ["row", "input", "size", "reason"]
    assert np.isfinite(float(lines_of(tmp_path / "out.csv")[0]["size"]))
