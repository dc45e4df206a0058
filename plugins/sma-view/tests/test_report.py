"""The report of runs: what it shows is what the run's files hold, and it opens without a network."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

import sma_core
from sma_core.errors import DataError, UserError
from sma_view.report.plot import plot
from sma_view.report.predictions import judge_rows
from sma_view.report.report import report
from sma_view.report.run_facts import RunFacts
from tests.support.browser import CHROMIUM, measured

pytest.importorskip("matplotlib")

VOID = {"meta", "img", "br"}
FEW = {"training.epochs": 1.0, "baselines": False}


class Page(HTMLParser):
    """Collects text, pictures and addresses of a page, and raises for tags that do not pair."""

    def __init__(self, path):
        super().__init__()
        self.open, self.text, self.images, self.addresses = [], "", [], []
        self.feed(path.read_text(encoding="utf-8"))
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        self.addresses += [values[name] for name in ("src", "href") if name in values]
        if tag == "img":
            self.images.append(values)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data


@pytest.fixture
def tuned(toy, tmp_path):
    return sma_core.finetune(toy, settings=FEW, out=tmp_path / "tuned").run


def test_the_page_of_a_fine_tuning_has_its_figures_and_needs_no_network(tuned):
    page = Page(report(tuned).page)
    results = json.loads((tuned / "results.json").read_text())
    for name, value in results["test"].items():
        assert name in page.text
        assert f"{value:.4g}" in page.text
    assert "training.epochs" in page.text  # differs from the recipe
    assert all(address.startswith(("data:image/svg+xml;base64,", "#")) for address in page.addresses)
    for image in page.images:
        assert image["alt"]
        svg = base64.b64decode(image["src"].partition(",")[2]).decode()
        assert "prefers-color-scheme: dark" in svg
        assert re.search(r"https?://(?!www\.w3\.org/|purl\.org/)", svg) is None
        ElementTree.fromstring(svg)


def test_a_probe_that_was_kept_is_named(toy, tmp_path):
    pretrained = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "pre").run
    settings = FEW | {"training.probe_fallback": True, "training.learning_rate": 1e-12}
    run = sma_core.finetune(model=pretrained, task="vowels", settings=settings, out=tmp_path / "kept").run
    assert json.loads((run / "results.json").read_text())["best_step"] == 0
    assert "a linear probe of the encoder, since no epoch was better" in Page(report(run).page).text


def test_a_pre_trained_run_and_one_that_is_not_finished_have_pages(toy, tmp_path):
    run = sma_core.train(toy, settings={"training.steps": 6}, out=tmp_path / "run").run
    (run / "results.json").unlink()
    record = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps(record | {"finished": False}))
    page = Page(report(run, out=tmp_path / "page.html").page)
    assert "not finished" in page.text
    assert "measures of the masks" in page.text
    with pytest.raises(UserError, match="exists"):
        report(run, out=tmp_path / "page.html")


def test_several_runs_share_charts_and_need_a_name(toy, tmp_path):
    runs = [
        sma_core.train(toy, settings={"training.steps": 4, "training.seed": seed}, out=tmp_path / f"s{seed}").run
        for seed in (0, 1)
    ]
    with pytest.raises(UserError, match="name the page with `out=FILE"):
        report(runs)
    page = Page(report(runs, out=tmp_path / "both.html").page)
    assert "Learning curves of all runs" in page.text
    svg = base64.b64decode(page.images[0]["src"].partition(",")[2]).decode()
    assert "s0: loss" in svg
    assert "s1: loss" in svg


def test_rows_that_are_gone_are_told_on_the_page(tuned, monkeypatch):
    def gone(*_):
        raise DataError("there is no file gone.csv")

    monkeypatch.setattr("sma_view.report.report.judge_rows", gone)
    result = report(tuned)
    assert "there is no file gone.csv" in result.lacking[0]
    assert "the rows cannot be read" in Page(result.page).text


def test_settings_that_differ_are_those_that_were_set(toy, tmp_path):
    run = sma_core.train(toy, settings={"training.steps": 3, "masking.ratio": 0.4}, out=tmp_path / "run").run
    changed = {change.name: change.value for change in RunFacts.read(run).changed}
    assert changed == {"training.steps": "3", "masking.ratio": "0.4"}


def test_the_report_is_written_at_the_end_unless_switched_off(toy, tmp_path, monkeypatch):
    run = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "off").run
    assert not (run / "report.html").exists()
    monkeypatch.delenv("SMA_REPORT")
    run = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "on").run
    assert "Learning curves" in Page(run / "report.html").text
    tuned = sma_core.finetune(toy, settings=FEW, out=tmp_path / "tuned").run
    assert "Predictions of the test rows" in Page(tuned / "report.html").text


def test_a_chart_for_a_paper_has_the_format_of_its_name(tuned, tmp_path):
    target = judge_rows(tuned, "test", 0, None).targets[0]
    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        result = plot(tuned, tmp_path / f"chart{suffix}")
        assert result.out.read_bytes().startswith(start)
        assert result.kinds[-1] == "loss"
    with pytest.raises(UserError, match="has no chart 'pie'; it has"):
        plot(tuned, tmp_path / "b.png", kind="pie")
    with pytest.raises(UserError, match="name one with `target`"):
        plot(tuned, tmp_path / "b.png", target="other")
    assert len(target.rows) > 0


def test_the_commands_print_where_the_files_are(tuned, run_sma):
    printed = run_sma("report", tuned, "--out", "page.html")
    assert (printed.returncode, printed.stdout) == (0, "page page.html\n")
    assert run_sma("plot", tuned, "--out", "chart.svg").stdout.startswith("chart chart.svg; this run has ")
    assert run_sma("plot", tuned, "--out", "chart.txt").returncode == 2


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_shows_every_picture_and_nothing_is_wider_than_the_window(tuned, tmp_path, width):
    text = report(tuned).page.read_text(encoding="utf-8")
    wide, window, drawn, pictures = measured(
        text,
        tmp_path,
        width,
        *("document.documentElement.scrollWidth", "innerWidth"),
        *("[...document.images].filter(image => image.naturalWidth > 0).length", "document.images.length"),
    )
    assert wide <= window
    assert drawn == pictures > 3
    assert not np.isnan(window)
