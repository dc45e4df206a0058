"""Exported models give the run's own results, need no sma, and are refused when they differ."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from itertools import product

import numpy as np
import pytest
import torch

import sma_core
from sma_core.errors import CheckpointError, UserError
from sma_core.models.loaded_run import LoadedRun
from sma_export import check, exporting
from sma_export.export_onnx import export_onnx
from sma_export.export_torch import export_torch
from sma_export.exporting import export_run
from sma_export.formats import TORCH, program_of
from sma_export.network import dynamic_shapes, example_rows, exported_network
from tests.support.matrix import full_but

FEW = {"training.epochs": 1.0, "baselines": False}
SELF = {"model.encoder": "self-attention", "model.latent_width": 16}
FORMATS = ["torch", "onnx"]
WORDS = ["kato", "mi", "requisulanvexka"]
TASKS = {"vowels": "regression", "first": "multiclass", "flags": "multilabel", "marks": "per-position"}


def lines_of(folder, *arguments):
    """Run the program in the folder, where no package of the project is on the path."""
    command = [sys.executable, str(folder / "predict.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def exported(run, tmp_path, kind, vectors=False):
    """Export to a format, and return the folder; skip the test where the packages of ONNX are missing."""
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    return (export_onnx if kind == "onnx" else export_torch)(run, tmp_path / kind, vectors=vectors).out


@pytest.mark.parametrize(
    ("task", "kind"), full_but([("vowels", "onnx"), ("first", "torch")], product(TASKS, FORMATS))
)
def test_predictions_of_text(toy, tmp_path, task, kind):
    run = sma_core.finetune(toy, task=task, settings=FEW, out=tmp_path / "run").run
    loaded = sma_core.load(run)
    assert loaded.kind == TASKS[task]
    lines = lines_of(exported(run, tmp_path, kind), *WORDS)
    if task == "marks":
        for word, line, own in zip(WORDS, lines, loaded.predict_characters(WORDS), strict=True):
            np.testing.assert_allclose(np.array(line)[: len(word)], own, atol=1e-5)
        return
    values = [list(line.values()) for line in lines]
    np.testing.assert_allclose(values, loaded.predict(WORDS), rtol=1e-5, atol=1e-5)
    if task == "first":
        assert tuple(lines[0]) == loaded.classes


@pytest.mark.parametrize(("encoder", "kind"), full_but([("cross", "torch")], product(["cross", "self"], FORMATS)))
def test_vectors_of_pre_trained_runs(toy, tmp_path, encoder, kind):
    settings = SELF if encoder == "self" else {}
    run = sma_core.train(toy, settings=settings | {"training.steps": 2}, out=tmp_path / "run").run
    own = sma_core.load(run).embed(WORDS)
    values = [list(line.values()) for line in lines_of(exported(run, tmp_path, kind), *WORDS)]
    np.testing.assert_allclose(values, own, atol=1e-5)


@pytest.mark.parametrize("kind", full_but(["onnx"], FORMATS))
def test_tables_with_missing_numbers_and_transforms(numbers, tmp_path, caplog, kind):
    draw = np.random.default_rng(0)
    table = np.exp(draw.normal(size=(120, 3))).round(4)
    labels = table[:, 0].copy()
    table[draw.random(table.shape) < 0.1] = np.nan
    cells = [["" if np.isnan(value) else str(value) for value in row] for row in table]
    lines = [",".join([*row, str(label)]) for row, label in zip(cells, labels, strict=True)]
    (tmp_path / "rows.csv").write_text("a,b,c,y\n" + "\n".join(lines) + "\n")
    settings = FEW | {"targets": ["y"], "kind": "regression", "data.transforms": {"a": "log", "b": "asinh"}}
    run = sma_core.finetune(numbers, data=tmp_path / "rows.csv", settings=settings, out=tmp_path / "run").run
    own = sma_core.load(run).predict(table.astype(np.float32)[:20])
    caplog.clear()
    folder = exported(run, tmp_path, kind)
    results = lines_of(folder, tmp_path / "rows.csv")
    np.testing.assert_allclose([line["y"] for line in results[:20]], own[:, 0], rtol=1e-5)
    assert not [record for record in caplog.records if "missing values in" in record.message]
    program = folder / "predict.py"
    for name, text, said in (
        ("odd", "\ufeffa,b,c\n1,NA,?\n", ""),
        ("short", "a,b,c\n1,2\n", "row 1 has no column 'c'"),
        ("large", "a,b,c\n1,2,1e400\n", "row 1: c is 1e400"),
        ("empty", "a,b,c\n", "there are no rows"),
        ("other", "a,b\n1,2\n", "row 1 has no column 'c'"),
    ):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, program, tmp_path / f"{name}.csv"], capture_output=True, text=True)
        assert "Traceback" not in done.stderr
        assert (done.returncode, said in done.stderr) == (1 if said else 0, True), done.stderr
    usage = subprocess.run([sys.executable, program], capture_output=True, text=True)
    assert "python predict.py ROWS" in usage.stderr


@pytest.mark.parametrize(("grid", "kind"), full_but([(None, "torch")], product([None, (4, 4)], FORMATS)))
def test_sequences_of_vectors(numbers, tmp_path, grid, kind):
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(60, 16, 2)).astype(np.float32)
    rows[:5, :3] = np.nan
    np.savez(tmp_path / "rows.npz", rows=rows, kind=np.arange(60) % 2)
    np.save(tmp_path / "rows.npy", rows[:7])
    settings = FEW | {"targets": ["kind"], "model.max_length": 16, "data.names": ["a", "b"]}
    settings |= {"model.positions": "axes", "model.grid": list(grid)} if grid else {}
    run = sma_core.finetune(numbers, data=tmp_path / "rows.npz", settings=settings, out=tmp_path / "run").run
    own = sma_core.load(run).predict(list(rows[:7]))
    folder = exported(run, tmp_path, kind)
    values = [list(line.values()) for line in lines_of(folder, tmp_path / "rows.npy")]
    np.testing.assert_allclose(values, own, atol=1e-5)
    assert json.loads((folder / "model.json").read_text())["inputs"]["grid"] == list(grid or [])


@pytest.fixture
def run(toy, tmp_path):
    return sma_core.finetune(toy, task="vowels", settings=FEW, out=tmp_path / "run").run


def test_nothing_in_a_program_of_torch_is_pickled(run, tmp_path):
    result = export_torch(run, tmp_path / "out")
    with zipfile.ZipFile(result.out / "model.pt2") as archive:
        names = archive.namelist()
        assert names
        for name in names:
            content = archive.read(name)
            assert not content.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK")), name


def test_a_model_that_differs_is_not_written(run, tmp_path, monkeypatch):
    own = exporting.compared

    def wrong(load, *rest):
        return own(lambda rows: load(rows) * 1.001, *rest)

    monkeypatch.setattr(exporting, "compared", wrong)
    with pytest.raises(UserError, match=r"more than the tolerance 0\.0001: nothing was written"):
        export_torch(run, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_difference_in_missing_results_is_infinite(run):
    loaded = LoadedRun.load(run)
    network = exported_network(loaded)

    def broken(rows):
        results = network(*rows).detach().numpy()
        results[0] = np.nan
        return results

    assert check.compared(broken, loaded).share == np.inf
    assert check.compared(lambda rows: network(*rows).detach().numpy(), loaded).share < 1e-5


def test_targets_of_other_units_are_compared_one_by_one(numbers, tmp_path):
    draw = np.random.default_rng(0)
    lines = [f"{a},{b},{c},{a},{1000 * b}" for a, b, c in draw.normal(size=(60, 3)).round(4)]
    (tmp_path / "rows.csv").write_text("a,b,c,small,large\n" + "\n".join(lines) + "\n")
    settings = FEW | {"targets": ["small", "large"], "kind": "regression"}
    run = sma_core.finetune(numbers, data=tmp_path / "rows.csv", settings=settings, out=tmp_path / "run").run
    loaded = LoadedRun.load(run)
    network = exported_network(loaded)

    def shifted(rows):
        return network(*rows).detach().numpy() + np.array([0.01, 0.0], dtype=np.float32)

    compared = check.compared(shifted, loaded)
    assert compared.difference == pytest.approx(0.01, rel=0.01)
    assert compared.share > 1e-3


def test_a_program_takes_any_number_of_rows_of_any_length(run):
    loaded = LoadedRun.load(run)
    network = exported_network(loaded)
    program = program_of(network, example_rows(loaded, 3, 17), dynamic_shapes(loaded)).module()
    for rows, length in ((1, 2), (40, 3), (2, loaded.model.max_length)):
        (ids,) = example_rows(loaded, rows, length, seed=rows)
        with torch.no_grad():
            torch.testing.assert_close(program(ids), network(ids), rtol=1e-4, atol=1e-5)


def test_folders_are_replaced_on_request_and_nothing_else_is(run, tmp_path, run_sma):
    printed = run_sma("export", "torch", run, "--out", "model")
    assert printed.returncode == 0, printed.stderr
    assert "try it: python model/predict.py TEXT TEXT …" in printed.stdout
    assert "note: ids end with the separator" in printed.stdout
    printed = run_sma("export", "torch", run, "--out", "model")
    assert printed.returncode == 2
    assert "model exists: choose another --out, or pass --force" in printed.stderr
    assert run_sma("export", "torch", run, "--out", "model", "--force").returncode == 0
    printed = run_sma("export", "torch", run, "--out", run, "--force")
    assert (printed.returncode, "is no export" in printed.stderr) == (2, True)
    assert (run / "model.json").exists()
    with pytest.raises(CheckpointError):
        export_run(TORCH, tmp_path / "nothing", tmp_path / "out")
