"""Paths are given to verbs as texts too, as one writes them in a notebook."""

from __future__ import annotations

import inspect
from importlib import import_module
from importlib.util import find_spec

import pytest

import sma_core

PACKAGED = (
    "sma_authors.export_authors",
    "sma_authors.import_authors",
    "sma_bench.benchmark",
    "sma_bench.probe",
    "sma_view.inspect_data",
    "sma_view.masks",
)
"""Functions of packages, as module and name, that take paths too; those that are installed are looked at."""
VERBS = {name: getattr(sma_core, name) for name in sma_core.__all__} | {
    name: getattr(import_module(name), name.rpartition(".")[2])
    for name in PACKAGED
    if find_spec(name.partition(".")[0]) is not None
}
FEW = {"training.steps": 2}


def test_where_a_path_is_taken_so_is_a_text():
    kinds = {
        f"{name}({parameter.name})": str(parameter.annotation)
        for name, verb in VERBS.items()
        for parameter in inspect.signature(verb).parameters.values()
        if "Path" in str(parameter.annotation)
    }
    assert len(kinds) > 15
    assert not {where: kind for where, kind in kinds.items() if "str" not in kind}


def test_a_run_is_made_used_and_gone_on_with_under_names_that_are_texts(toy, tmp_path):
    there = str(tmp_path / "run")
    (tmp_path / "rows.txt").write_text("banana\norange\n")
    (tmp_path / "more.toml").write_text("[training]\nevaluate_every = 2\n")
    rows, config = str(tmp_path / "rows.txt"), str(tmp_path / "more.toml")
    run = sma_core.train(toy, settings=FEW, config=config, out=there).run
    assert run == tmp_path / "run"
    assert sma_core.train(resume=run, settings={"training.steps": 4}).run == run
    assert sma_core.embed(there, rows, str(tmp_path / "rows.npy")).out == tmp_path / "rows.npy"

    tuned = sma_core.finetune(model=there, settings={"training.epochs": 1.0}, out=str(tmp_path / "tuned")).run
    assert sma_core.predict(str(tuned), rows, out=str(tmp_path / "rows.csv")).rows == 2
    assert sma_core.predict([str(tuned), tuned], rows, out=str(tmp_path / "both.csv")).rows == 2


def test_data_may_be_a_path(toy, tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("".join("ab" * number + "\n" for number in range(1, 61)))
    assert sma_core.train(toy, data=file, settings=FEW, out=tmp_path / "run").rows > 40


def test_packages_take_texts_too(toy, tmp_path):
    masks, probe = pytest.importorskip("sma_view.masks").masks, pytest.importorskip("sma_bench.probe").probe
    export_authors = pytest.importorskip("sma_authors.export_authors").export_authors
    (tmp_path / "rows.txt").write_text("banana\norange\n")
    rows, run = str(tmp_path / "rows.txt"), str(sma_core.train(toy, settings=FEW, out=tmp_path / "run").run)
    assert len(masks(run, rows, page=str(tmp_path / "masks.html")).rows) == 2
    assert (tmp_path / "masks.html").is_file()
    assert probe(model=run, config=None).model == tmp_path / "run"
    assert export_authors(run, str(tmp_path / "theirs")).out == tmp_path / "theirs"


def test_a_file_may_be_inspected_by_its_path(toy, tmp_path):
    inspect_data = pytest.importorskip("sma_view.inspect_data").inspect_data
    file = tmp_path / "words.txt"
    file.write_text("".join("ab" * number + "\n" for number in range(1, 61)))
    assert inspect_data(toy, file).rows == 60
