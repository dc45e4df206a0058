"""`sma masks --page`: one file that works by itself, whatever the domain's renderer does."""

import re
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

FILE = """
from sma_core.plugins import DataSet, Domain, Renderer, hookimpl

@hookimpl
def sma_domains():
    return [Domain(name="strands", summary="Strands", tokenizer="bytes", reader="lines", dataset="mine",
                   renderer="beads")]

@hookimpl
def sma_datasets():
    return [DataSet(name="mine", summary="Strands", source="made", licence="CC0", file="mine.txt")]

@hookimpl
def sma_renderers():
    return [Renderer(name="beads", summary="Beads", factory="toy_beads:draw")]

def draw(row):
    if len(row.text) > 4:
        raise RuntimeError("too many beads")
    return '<svg xmlns="http://www.w3.org/2000/svg"><desc>beads</desc></svg>'
"""
FEW = ("--set", "training.steps=2", "--set", "training.batch_size=8")
OF_RUN = ("--model", "pre", "--domain", "toy_beads.py")


class Outline(HTMLParser):
    """Which elements a page has, and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("href", "src")]


@pytest.fixture
def run(run_sma, tmp_path, monkeypatch):
    """A run on strands, some rows to look at in rows.txt, and the program."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "toy_beads.py").write_text(FILE)
    (tmp_path / "some.txt").write_text("ACGT\nGATTACA\n<&>\n" * 20)
    (tmp_path / "rows.txt").write_text("<b>&\n\nGATTACA\nÄCGT\n")
    done = run_sma("train", "--domain", "toy_beads.py", "--data", "some.txt", "--out", "pre", *FEW)
    assert done.returncode == 0, done.stderr
    yield run_sma
    sys.modules.pop("toy_beads", None)


def test_the_page_shows_every_row_and_mask_and_stands_by_itself(run, tmp_path):
    done = run("masks", "rows.txt", *OF_RUN, "--page", "page.html", "--renderer", "letters", "--draws", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "page page.html"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    outline = Outline(page)
    assert outline.links == []
    assert "script" not in outline.tags
    assert "<b>" not in page
    assert (outline.tags.count("h2"), outline.tags.count("svg"), outline.tags.count("figure")) == (4, 12, 12)
    assert "cannot be used: empty" in page
    for said in (
        "<dd>pre</dd>",
        "<dd>strands (the file toy_beads.py)</dd>",
        "guided, ratio",
        "0 to 1",
        "of hidden inputs are visible in the next mask",
        "1/8 <span class",
        "its end marker",
        "mean of 2 masks, what more than half of them hide",
        "a random mask, for comparison",
    ):
        assert said in page
    assert re.findall(r"mask \d: \d of (\d+) inputs hidden", page) == ["5", "5", "8", "8", "6", "6"]
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    letters = [
        "".join(text.text for text in ElementTree.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text"))
        for drawing in drawings
    ]
    assert letters[::4] == ["<b>&", "GATTACA", "ÄCGT"]
    again = run("masks", "rows.txt", *OF_RUN, "--page", "again.html", "--renderer", "letters", "--draws", "2")
    assert again.returncode == 0
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_rows_that_the_domains_renderer_cannot_draw_are_drawn_by_the_general_one(
    run, tmp_path, monkeypatch, caplog
):
    monkeypatch.delenv("SMA_STRICT_PLUGINS", raising=False)
    done = run("masks", "rows.txt", *OF_RUN, "--page", "page.htm", "--draws", "1")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.htm").read_text(encoding="utf-8")
    assert (page.count("<desc>beads</desc>"), page.count("<svg")) == (4, 6)
    assert [record.message for record in caplog.records] == [
        "the renderer 'beads' of the file toy_beads.py did not draw 2 of 6 pictures, the first of row 3: "
        "RuntimeError: too many beads; the general one drew them"
    ]
    monkeypatch.setenv("SMA_STRICT_PLUGINS", "1")
    done = run("masks", "rows.txt", *OF_RUN, "--page", "strict.html")
    assert done.returncode == 2
    assert "error: the renderer 'beads'" in done.stderr
    assert not (tmp_path / "strict.html").exists()


def test_what_a_user_says_wrongly_is_one_sentence_and_nothing_is_written(run, tmp_path):
    before = {path.name for path in tmp_path.iterdir()}
    for options, sentence in (
        (["--page", "page.txt"], "the page is written to .html or .htm"),
        (["--page", "nowhere/page.html"], "there is no folder nowhere"),
        (["--page", "page.html", "--renderer", "bead"], "did you mean 'beads'?"),
        (["--page", "page.html", "--ratio", "2"], "the setting 'ratio' cannot be 2.0"),
        (["--renderer", "beads"], "pass --page FILE.html"),
    ):
        done = run("masks", "rows.txt", *OF_RUN, *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_page_is_replaced_only_with_force_and_never_the_rows(run, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("precious")
    done = run("masks", "rows.txt", *OF_RUN, "--page", page)
    assert (done.returncode, page.read_text()) == (2, "precious")
    assert "or --force to replace it" in done.stderr
    done = run("masks", page, *OF_RUN, "--reader", "lines", "--page", "page.html", "--force")
    assert (done.returncode, page.read_text()) == (2, "precious")
    assert "is both input and output" in done.stderr
    (tmp_path / "rows.txt").write_text("ACGT\n")
    assert run("masks", "rows.txt", *OF_RUN, "--page", page, "--force").returncode == 0
    assert page.read_text().startswith("<!")


def test_a_plot_is_replaced_only_with_force(run, tmp_path):
    pytest.importorskip("matplotlib")
    plot = tmp_path / "plot.png"
    plot.write_text("precious")
    inspect = ("data", "inspect", "--domain", "toy_beads.py", "some.txt", "--plot", "plot.png")
    done = run(*inspect)
    assert (done.returncode, plot.read_text()) == (2, "precious")
    assert "or --force to replace it" in done.stderr
    assert run(*inspect, "--force").returncode == 0
    assert plot.read_bytes() != b"precious"


def test_numbers_are_drawn_with_the_values_of_the_file(numbers, run_sma, tmp_path):
    assert run_sma("train", "--domain", numbers, "--out", "pre", *FEW).returncode == 0
    (tmp_path / "new.csv").write_text("height,width,depth,weight,noise\n1.25,2.5,-999,4,5\n")
    done = run_sma("masks", "new.csv", "--model", "pre", "--page", "page.html", "--draws", "1")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    drawn = ["height", "1.25", "width", "2.5", "depth", "missing", "weight", "4", "noise", "5"]
    assert re.findall(r"<text [^>]*>([^<]*)</text>", page) == drawn * 2  # one mask, and a random one
    assert "end marker" not in page
