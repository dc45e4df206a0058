"""Options of tables: names without a header, delimiters, sentinels, functions of features; the dry run."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sma_core
from sma_core.errors import DataError
from tests.support.runs import table

SETTINGS = {
    "training.epochs": 1.0,
    "baselines": False,
    "kind": "regression",
    "split.name": "random",
    "targets": "y",
}


@pytest.fixture
def values():
    draw = np.random.default_rng(0)
    return np.exp(draw.normal(size=(80, 4))).round(4)


def write(path, values, delimiter=",", header=""):
    np.savetxt(path, values, fmt="%.4f", delimiter=delimiter, header=header, comments="")
    return path


def test_names_of_a_file_without_a_header_hold_for_predictions_too(numbers, tmp_path, values):
    bare = write(tmp_path / "bare.csv", values)
    settings = SETTINGS | {"data.names": "a,b,c,y", "data.columns": "c,a"}
    run = sma_core.finetune(numbers, data=bare, settings=settings, out=tmp_path / "run").run
    assert sma_core.load(run).features == ("c", "a")
    swapped = write(tmp_path / "swapped.csv", values[:, ::-1], ";", header="y;c;b;a")
    for name, path in (("bare", bare), ("swapped", swapped)):
        sma_core.predict(run, path, out=tmp_path / f"{name}-out.csv")
    assert (tmp_path / "bare-out.csv").read_text() == (tmp_path / "swapped-out.csv").read_text()


def test_functions_and_sentinels_are_those_of_the_run(numbers, tmp_path, values):
    path = write(tmp_path / "a.csv", values, header="a,b,c,y")
    settings = SETTINGS | {"data.transforms": {"a": "log"}, "data.sentinels": [-9999]}
    run = sma_core.finetune(numbers, data=path, settings=settings, out=tmp_path / "run").run
    facts = json.loads((run / "model.json").read_text())["scale"]
    assert facts["transforms"] == [["a", "log"]]
    assert facts["columns"] == ["a", "b", "c"]
    odd = values[:4].copy()
    odd[1, 0], odd[2, 1] = -1.0, -9999.0
    sma_core.predict(run, write(tmp_path / "odd.csv", odd, header="a,b,c,y"), out=tmp_path / "out.csv")
    lines = table(tmp_path / "out.csv")
    assert [line["reason"] for line in lines] == ["", "no logarithm: a is -1", "", ""]
    loaded = sma_core.load(run)
    odd[2, 1] = np.nan
    expected = loaded.predict(odd[:, :3])[:, 0]
    assert np.isnan(expected[1])
    np.testing.assert_allclose([float(lines[row]["y"]) for row in (0, 2, 3)], expected[[0, 2, 3]], rtol=1e-5)


def test_a_dry_run_reads_the_header(numbers, tmp_path, values, run_sma):
    write(tmp_path / "a.csv", values, header="a,b,c,y")
    options = ("train", "--domain", numbers, "--data", "a.csv", "--dry-run")
    assert run_sma(*options).returncode == 0
    missing = run_sma(*options, "--set", "data.columns=a,x")
    assert missing.returncode == 2
    assert "has no column 'x'" in missing.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv"]


def test_inspecting_a_file_without_a_usable_row_fails(numbers, tmp_path, run_sma):
    pytest.importorskip("sma_view")
    (tmp_path / "a.csv").write_text("a,b\nx,1\ny,2\n")
    assert run_sma("data", "inspect", "--domain", numbers, "a.csv").returncode == 1
    (tmp_path / "b.csv").write_text("1,2\n3,4\n")
    inspected = run_sma("data", "inspect", "--domain", numbers, "b.csv", "--set", "data.names=a,b", "--json")
    assert inspected.returncode == 0
    assert json.loads(inspected.stdout)["columns"] == ["a", "b"]


def test_an_option_that_a_reader_lacks_is_refused(numbers, tmp_path, values):
    path = write(tmp_path / "a.csv", values, header="a,b,c,y")
    with pytest.raises(DataError, match=r"'table', which has no data\.tree"):
        sma_core.train(numbers, data=path, settings={"data.tree": "events"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
