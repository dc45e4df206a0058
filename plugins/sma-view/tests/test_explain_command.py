"""`sma explain`: tables, pages, and one sentence for what a user can get wrong."""

from __future__ import annotations

import csv
import json
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import sma_core
from sma_core.errors import PluginError, UserError
from sma_view.explain.explain import explain
from tests.support.browser import CHROMIUM, measured

FEW = {"training.epochs": 1.0, "baselines": False}
FILE = """
import json
import numpy as np
from sma_core.data.blocks import Block
from sma_core.data.readers.other_columns import text_column
from sma_core.plugins import DataSet, Domain, Reader, Renderer, hookimpl

@hookimpl
def sma_domains():
    return [KIND]

@hookimpl
def sma_datasets():
    return [DataSet(name="mine", summary="Mine", source="made", licence="CC0", file="mine.txt")]

@hookimpl
def sma_readers():
    own = "toy_explained:read"
    return [Reader(name="pairs", summary="Pairs", factory=own, suffixes=(".jsonl",), reads="blocks")]

@hookimpl
def sma_renderers():
    return [Renderer(name="beads", summary="Beads", factory="toy_explained:draw")]

def draw(row):
    return '<svg xmlns="http://www.w3.org/2000/svg"><desc>beads</desc></svg>'

def read(path, columns, fields, *, names=()):
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    values = np.concatenate([np.array(row["xy"], dtype=np.float32) for row in rows])
    offsets = np.cumsum([0, *(len(row["xy"]) for row in rows)])
    kept = [text_column([str(row[name]) for row in rows]) for name in fields]
    yield Block(np.arange(1, len(rows) + 1), values, tuple(kept), ("x<b>", "y"), offsets)
"""
TEXT = (
    'Domain(name="strands", summary="S", tokenizer="bytes", reader="lines", dataset="mine", renderer="beads", '
    'columns=("text",))'
)
PAIRS = 'Domain(name="courses", summary="C", input_kind="continuous", reader="pairs", dataset="mine")'


def domain(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("toy_explained", None)
    (tmp_path / "toy_explained.py").write_text(FILE.replace("KIND", kind))
    return str(tmp_path / "toy_explained.py")


def written(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def words(toy, tmp_path):
    return sma_core.finetune(toy, settings=FEW, out=tmp_path / "words").run


@pytest.fixture
def some(tmp_path):
    (tmp_path / "some.csv").write_text("word,name\nkato,one\nnot-a-word,two\n" + "mi,three\n" * 12)
    return tmp_path / "some.csv"


def test_tables_have_a_line_for_each_input_and_a_reason_for_rows_without(words, some, tmp_path, monkeypatch):
    outs = [tmp_path / f"x{ending}" for ending in (".csv", ".json", ".jsonl", ".html")]
    result = explain(words, some, out=outs, identifier="name")
    assert (result.rows, result.unusable, result.drawn) == (14, 1, 14)
    lines = written(outs[0])
    assert list(lines[0]) == ["row", "id", "target", "prediction", "position", "symbol", "value", "reason"]
    assert [(line["id"], line["position"], line["symbol"]) for line in lines[:5]] == [
        ("one", "1", "k"),
        ("one", "2", "a"),
        ("one", "3", "t"),
        ("one", "4", "o"),
        ("two", "", ""),
    ]
    assert lines[4]["reason"] == "not letters only"
    assert len(lines) == 5 + 12 * 2
    listed = json.loads(outs[1].read_text())
    assert [json.loads(line) for line in outs[2].read_text().splitlines()] == listed
    values = [float(line["value"]) for line in lines if line["value"]]
    assert [line["value"] for line in listed if line["value"] is not None] == pytest.approx(values, rel=1e-5)
    predicted = sma_core.load(words).predict(["kato"])[0, 0]
    assert float(lines[0]["prediction"]) == pytest.approx(predicted, rel=1e-5)
    page = outs[3].read_text()
    assert "cannot be used: not letters only" in page
    assert "Does the explanation mean anything?" in page
    monkeypatch.setattr("sma_view.explain.explain.MOST_DRAWN", 2)
    assert explain(words, some, out=outs[3], rows=5, force=True).drawn == 2
    assert "5 rows, of which 2 are drawn" in outs[3].read_text()


def test_the_same_values_come_whatever_the_parts_and_batches(words, some, tmp_path, monkeypatch):
    explain(words, some, out=tmp_path / "a.csv", deletion_rows=0)
    monkeypatch.setattr("sma_view.explain.explain.VALUES_IN_MEMORY", 1)
    explain(words, some, out=tmp_path / "b.csv", deletion_rows=0, batch_tokens=1)
    one, other = written(tmp_path / "a.csv"), written(tmp_path / "b.csv")
    assert [line["row"] for line in one] == [line["row"] for line in other]
    for first, second in zip(one, other, strict=True):
        if first["value"]:
            assert float(first["value"]) == pytest.approx(float(second["value"]), abs=1e-5)


def test_the_deletion_test_takes_the_first_usable_rows_and_is_repeated(words, some):
    first, again = (explain(words, some, deletion_rows=11).deletion for _ in range(2))
    assert first.rows == 11
    assert first == again
    assert explain(words, some, rows=4).deletion.rows == 3
    assert explain(words, some, rows=4).rows == 4
    assert explain(words, some, deletion_rows=0).deletion is None


def test_symbols_with_markup_are_escaped_and_a_renderer_that_knows_no_signs_is_not_asked(tmp_path, monkeypatch):
    name = domain(tmp_path, monkeypatch, TEXT)
    lines = "".join(f"<b>&{'ab'[i % 2]},{i}\n" for i in range(40))
    (tmp_path / "rows.csv").write_text(f"text,label\n{lines}")
    settings = FEW | {"targets": ["label"], "kind": "regression"}
    run = sma_core.finetune(name, data=tmp_path / "rows.csv", settings=settings, out=tmp_path / "run").run
    policy = sma_core.plugins.domain_file.named(name, None)[1]
    with pytest.raises(PluginError, match="'beads' does not draw signed values"):
        explain(run, tmp_path / "rows.csv", out=tmp_path / "x.html", renderer="beads", policy=policy)
    explain(run, tmp_path / "rows.csv", out=tmp_path / "x.html", rows=2, policy=policy)
    page = (tmp_path / "x.html").read_text()
    assert "beads" not in page
    assert "<b>&a" not in page.replace("<b>Warning:</b>", "")
    assert "&lt;b&gt;&amp;a" in page
    sys.modules.pop("toy_explained", None)


@pytest.fixture
def courses(tmp_path, monkeypatch):
    """A run on sequences of two channels, and the file of its rows."""
    name, draw = domain(tmp_path, monkeypatch, PAIRS), np.random.default_rng(0)
    rows = [
        {"xy": draw.normal(size=(length, 2)).round(3).tolist(), "label": length} for length in [3, 5, 7, 1] * 15
    ]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    settings = FEW | {"targets": ["label"], "kind": "regression"}
    run = sma_core.finetune(name, data=tmp_path / "rows.jsonl", settings=settings, out=tmp_path / "run").run
    yield run, tmp_path / "rows.jsonl", sma_core.plugins.domain_file.named(name, None)[1]
    sys.modules.pop("toy_explained", None)


def test_sequences_have_values_by_position_or_by_channel_too(courses, tmp_path):
    run, rows, policy = courses
    options = {"policy": policy, "rows": 4}
    explain(run, rows, out=[tmp_path / "o.csv", tmp_path / "o.html"], **options)
    lines = written(tmp_path / "o.csv")
    assert [line["position"] for line in lines if line["row"] == "1"] == ["1", "2", "3"]
    assert [line["reason"][:40] for line in lines if line["row"] == "4"] == [
        "hiding an input would leave nothing to p"
    ]
    explain(run, rows, out=[tmp_path / "g.csv", tmp_path / "g.html"], method="gradient", **options)
    lines = written(tmp_path / "g.csv")
    assert [(line["position"], line["channel"]) for line in lines if line["row"] == "1"][:3] == [
        ("1", "x<b>"),
        ("1", "y"),
        ("2", "x<b>"),
    ]
    assert sum(line["row"] == "4" for line in lines) == 2
    for page in ("o.html", "g.html"):
        text = (tmp_path / page).read_text()
        assert "x<b>" not in text
        assert "sequence of 2 channels, what each of" in text
        svg = text[text.index("<svg", text.index("Row 1")) :]
        ElementTree.fromstring(svg[: svg.index("</svg>") + 6])


def test_what_cannot_be_explained_is_one_sentence(words, some, toy, tmp_path, run_sma, monkeypatch):
    def refused(*arguments):
        done = run_sma("explain", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.strip().splitlines()) == 1
        return done.stderr

    pre = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "pre").run
    flags = sma_core.finetune(toy, task="flags", settings=FEW, out=tmp_path / "flags").run
    marks = sma_core.finetune(toy, task="marks", settings=FEW, out=tmp_path / "marks").run
    assert "is a pre-trained run without a head" in refused(pre, some)
    assert "predicts long, has_a: name one with --target" in refused(flags, some)
    assert "predicts long, has_a, not 'vowels'" in refused(flags, some, "--target", "vowels")
    assert "predicts a symbol for every position" in refused(marks, some)
    assert "knows no class 'x': its labels have no named classes" in refused(words, some, "--class", "x")
    assert "no row of" in refused(words, "--row", "not-a-word")
    assert "row 1: not letters only" in refused(words, "--row", "not-a-word")
    assert ".html, .htm, .csv" in refused(words, some, "--out", "x.txt")
    (tmp_path / "old.csv").write_text("mine\n")
    assert "exists already" in refused(words, some, "--out", "old.csv")
    assert "is both input and output" in refused(words, some, "--out", some)
    assert "--window 2 is for occlusion" in refused(words, some, "--window", 2, "--method", "gradient")
    assert "--steps 5 is for integrated-gradients" in refused(words, some, "--steps", 5)
    assert "needs a page to draw on" in refused(words, some, "--renderer", "letters")
    monkeypatch.setattr("sma_view.explain.gradients.find_spec", lambda _: None)
    assert "pip install 'sma-view[captum]'" in refused(words, some, "--method", "integrated-gradients")


def test_rows_over_the_limit_are_cut_or_refused_as_in_training(toy, tmp_path):
    for cut in (True, False):
        settings = FEW | {"data.truncate": cut, "data.max_rejected": 1.0}
        run = sma_core.finetune(toy, settings=settings, out=tmp_path / f"cut-{cut}").run
        (tmp_path / "long.csv").write_text("word\n" + "ka" * 20 + "\nmi\n")
        explain(run, tmp_path / "long.csv", out=tmp_path / f"{cut}.csv")
        lines = [line for line in written(tmp_path / f"{cut}.csv") if line["row"] == "1"]
        assert len(lines) == (31 if cut else 1)
        assert lines[0]["reason"] == ("truncated to 32 of 41 ids" if cut else "too long: 41 > 32")


def test_the_command_prints_the_largest_values_and_the_verdict(words, some, run_sma):
    done = run_sma("explain", words, some, "--rows", 4, "--out", "x.html")
    assert done.returncode == 0
    first, *lines = done.stdout.splitlines()
    assert first == "values in the unit of vowels, by occlusion"
    assert lines[0] == "row 1      kato"
    assert lines[1].split()[0] == "prediction"
    assert lines[-2].startswith("deletion test: too few rows for a verdict")
    assert lines[-1] == "page x.html"
    assert "4 rows, 1 without values" in done.stderr
    printed = json.loads(run_sma("explain", words, "--row", "kato", "--json").stdout)
    assert printed["shown"][0]["text"] == "kato"
    assert len(printed["shown"][0]["top"]) <= 4


def test_python_refuses_a_folder_that_is_not_there(words, some, tmp_path):
    with pytest.raises(UserError, match="make it first"):
        explain(words, some, out=tmp_path / "none" / "x.csv")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_shows_every_drawing_and_nothing_is_wider_than_the_window(words, courses, some, tmp_path, width):
    run, rows, policy = courses
    explain(words, some, out=tmp_path / "words.html")
    explain(run, rows, out=tmp_path / "courses.html", method="gradient", rows=3, policy=policy)
    for name, drawings in (("words", 13), ("courses", 3)):
        page = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert "http://" not in page.replace("http://www.w3.org/", "")
        wide, window, drawn = measured(
            page,
            tmp_path,
            width,
            "document.documentElement.scrollWidth",
            "innerWidth",
            "[...document.querySelectorAll('.draws svg')].filter(svg => svg.clientHeight > 9).length",
        )
        assert wide <= window
        assert drawn == drawings
