"""Identifiers of rows come out wherever rows are written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sma_core
from tests.support.runs import table

PROTEINS = ">P1 first\nMKVAA\n>P2\nM1K\n>P3 third\nMAAK\n"


@pytest.fixture(scope="module")
def chem_run(tmp_path_factory) -> Path:
    pytest.importorskip("sma_chem")
    folder = tmp_path_factory.mktemp("runs")
    rows = "".join(f"{'C' * (n % 9 + 1)}O,{n % 9},m{n}\n" for n in range(60))
    (folder / "a.csv").write_text(f"smiles,y,code\n{rows}")
    settings = {"training.epochs": 1.0, "targets": ["y"], "kind": "regression", "split.name": "random"}
    return sma_core.finetune(
        "chem", data=folder / "a.csv", settings=settings | {"baselines": False}, out=folder / "run"
    ).run


def test_names_of_a_format_are_in_predictions_and_vectors(chem_run, tmp_path):
    (tmp_path / "a.smi").write_text("CCO ethanol\nxx nothing\nCC\n")
    sma_core.predict(chem_run, tmp_path / "a.smi", out=tmp_path / "p.csv")
    lines = table(tmp_path / "p.csv")
    assert [line["id"] for line in lines] == ["ethanol", "nothing", ""]
    assert list(lines[0])[:3] == ["row", "id", "input"]
    sma_core.predict(chem_run, tmp_path / "a.smi", out=tmp_path / "q.csv", identifier="molecule")
    assert [line["molecule"] for line in table(tmp_path / "q.csv")] == ["ethanol", "nothing", ""]
    sma_core.embed(chem_run, tmp_path / "a.smi", tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz") as vectors:
        assert vectors["ids"].tolist() == ["ethanol", "nothing", ""]
    sma_core.embed(chem_run, tmp_path / "a.smi", tmp_path / "v.npy")  # has no place for names


def test_files_with_and_without_names_are_one_table(chem_run, tmp_path):
    (tmp_path / "a.csv").write_text("smiles\nCCO\n")
    (tmp_path / "b.smi").write_text("CC ethane\n")
    sma_core.predict(chem_run, tmp_path, out=tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(line["row"], line["id"]) for line in lines] == [(1, ""), (2, "ethane")]


def test_identifiers_are_in_the_table_of_evaluated_rows(chem_run, tmp_path):
    sma_core.evaluate(chem_run, predictions=tmp_path / "own.csv", identifier="code", bootstrap=0)
    lines = table(tmp_path / "own.csv")
    assert [line["code"] for line in lines] == [f"m{int(line['row']) - 1}" for line in lines]
    data = chem_run.parent / "a.csv"
    sma_core.evaluate(chem_run, data=data, predictions=tmp_path / "file.csv", identifier="code", bootstrap=0)
    assert [line["code"] for line in table(tmp_path / "file.csv")] == [f"m{n}" for n in range(60)]


def test_rejected_rows_are_listed_with_their_names(tmp_path):
    pytest.importorskip("sma_protein")
    (tmp_path / "a.fasta").write_text(PROTEINS + "".join(f">x{n}\nMKV\n" for n in range(60)))
    settings = {"training.steps": 1, "data.max_rejected": 0.5}
    run = sma_core.train("protein", data=tmp_path / "a.fasta", settings=settings, out=tmp_path / "run").run
    line = json.loads((run / "rejected.jsonl").read_text())
    assert (line["row"], line["id"]) == (2, "P2")


def test_masks_show_the_names_of_rows(tmp_path):
    pytest.importorskip("sma_protein")
    from sma_view.masks import masks

    (tmp_path / "a.fasta").write_text(PROTEINS.replace("M1K", "MK"))
    (tmp_path / "b.fasta").write_text(PROTEINS)
    run = sma_core.train(
        "protein", data=tmp_path / "a.fasta", settings={"training.steps": 1}, out=tmp_path / "run"
    ).run
    result = masks(run, tmp_path / "b.fasta", draws=1, page=tmp_path / "page.html")
    assert [row.name for row in result.rows] == ["P1", "P2", "P3"]
    assert "Row 2 P2" in (tmp_path / "page.html").read_text()
