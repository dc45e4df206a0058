"""How the commands find the features of a model in a file: by name, by the columns named, or by position."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import sma_core
from sma_core.errors import ConfigError, DataError

ROWS, POSITIONS = 60, 6
STEPS = {"training.steps": 4, "model.max_length": 16}
EPOCHS = {"training.epochs": 1.0, "model.max_length": 16, "baselines": False, "targets": ["kind"]}


@pytest.fixture(scope="module")
def files(shared):
    """Write the same sequences as each kind of file: with names, without, and as a column of vectors."""
    draw = np.random.default_rng(0)
    block = draw.normal(size=(ROWS, POSITIONS, 3)).astype(np.float32)
    others = {"code": [f"r{index}" for index in range(ROWS)], "kind": np.arange(ROWS) % 2}
    lists = {name: [row[:, index].tolist() for row in block] for index, name in enumerate("xyz")}
    parquet.write_table(pa.table({**lists, **others}), shared / "lists.parquet")
    parquet.write_table(pa.table({"vector": [row.tolist() for row in block], **others}), shared / "vector.parquet")
    np.savez(shared / "block.npz", rows=block, kind=others["kind"])
    np.savez(shared / "four.npz", rows=np.repeat(block, 2, axis=2)[:, :, :4], kind=others["kind"])
    return shared


@pytest.fixture
def named(numbers, files, tmp_path):
    settings = {**STEPS, "data.exclude": ["code", "kind"]}
    return sma_core.train(numbers, data=files / "lists.parquet", settings=settings, out=tmp_path / "named").run


@pytest.fixture
def numbered(numbers, files, tmp_path):
    settings = {**STEPS, "data.exclude": ["code", "kind"]}
    return sma_core.train(numbers, data=files / "vector.parquet", settings=settings, out=tmp_path / "numbered").run


def vectors(run, file, tmp_path, **options):
    out = sma_core.embed(run, file, out=tmp_path / "vectors.npy", force=True, **options).out
    return np.load(out)


def test_a_column_of_vectors_is_found_by_its_channels_in_every_command(numbered, files, tmp_path):
    file = files / "vector.parquet"
    expected = vectors(numbered, files / "block.npz", tmp_path)
    np.testing.assert_array_equal(vectors(numbered, file, tmp_path), expected)
    tuned = sma_core.finetune(model=numbered, data=file, settings=EPOCHS, out=tmp_path / "tuned").run
    assert sma_core.predict(tuned, file, out=tmp_path / "out.csv", identifier="code").unusable == 0
    assert sma_core.evaluate(tuned, data=file).rows == ROWS


def test_channels_without_names_are_read_in_order_and_said(named, files, tmp_path, caplog):
    expected = vectors(named, files / "lists.parquet", tmp_path)
    assert not caplog.records
    for name in ("block.npz", "vector.parquet"):
        caplog.clear()
        np.testing.assert_array_equal(vectors(named, files / name, tmp_path), expected)
        (record,) = caplog.records
        assert record.getMessage().endswith("have no names: they are read as x, y, z, in this order")
    tuned = sma_core.finetune(model=named, data=files / "block.npz", settings=EPOCHS, out=tmp_path / "tuned").run
    results = json.loads((tmp_path / "tuned" / "results.json").read_text())
    assert any("have no names: they are read as x, y, z" in sentence for sentence in results["warnings"])
    judged = sma_core.evaluate(tuned, data=files / "vector.parquet")
    assert any("vector.parquet have no names" in sentence for sentence in judged.warnings)


def test_a_model_without_names_reads_named_channels_in_order_and_says_so(numbered, files, tmp_path):
    settings = {**EPOCHS, "data.exclude": ["code"]}
    run = sma_core.finetune(
        model=numbered, data=files / "lists.parquet", settings=settings, out=tmp_path / "t"
    ).run
    results = json.loads((run / "results.json").read_text())
    expected = "lists.parquet are read in their order, x, y, z"
    assert [expected in sentence for sentence in results["warnings"]].count(True) == 1


def test_another_number_of_channels_is_one_sentence(named, numbered, files, tmp_path):
    for run in (named, numbered):
        with pytest.raises(DataError, match="name the 3 columns that hold the model's channels"):
            vectors(run, files / "lists.parquet" if run is numbered else files / "four.npz", tmp_path)
    with pytest.raises(DataError, match=r"names 2 columns \(x, y\), but the model reads 3 \(0, 1, 2\)"):
        vectors(numbered, files / "lists.parquet", tmp_path, columns=["x", "y"])


def test_columns_are_not_advised_where_another_option_names_a_missing_one(named, files, tmp_path):
    with pytest.raises(DataError, match="has no column 'nothere'") as raised:
        sma_core.embed(named, files / "block.npz", tmp_path / "a.npz", identifier="nothere")
    assert "data.columns" not in str(raised.value)


def test_columns_that_are_named_hold_the_features_in_this_order(numbered, files, tmp_path):
    file = files / "lists.parquet"
    expected = vectors(numbered, files / "block.npz", tmp_path)
    np.testing.assert_array_equal(vectors(numbered, file, tmp_path, columns=["x", "y", "z"]), expected)
    turned = vectors(numbered, file, tmp_path, columns=["z", "y", "x"])
    np.testing.assert_array_equal(
        turned, vectors(numbered, files / "block.npz", tmp_path, columns=["2", "1", "0"])
    )
    assert not np.allclose(turned, expected)


def test_features_of_a_table_may_have_other_names(numbers, toy, tmp_path):
    rows = np.random.default_rng(0).normal(size=(40, 3)).round(4)
    for name, header in (("a", "p,q,r"), ("b", "other,r2,q2,p2")):
        lines = [row if name == "a" else [9.0, *row[::-1]] for row in rows.tolist()]
        text = "\n".join(",".join(map(str, line)) for line in lines)
        (tmp_path / f"{name}.csv").write_text(f"{header}\n{text}\n")
    run = sma_core.train(numbers, data=tmp_path / "a.csv", settings=STEPS, out=tmp_path / "run").run
    expected = vectors(run, tmp_path / "a.csv", tmp_path)
    named = vectors(run, tmp_path / "b.csv", tmp_path, columns=["p2", "q2", "r2"])
    np.testing.assert_array_equal(named, expected)
    text_run = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "text").run
    with pytest.raises(ConfigError, match="but this model reads text"):
        vectors(text_run, tmp_path / "a.csv", tmp_path, columns=["p"])


def test_the_commands_have_the_option(numbered, files, run_sma):
    printed = run_sma("embed", files / "lists.parquet", "--model", numbered, "--columns", "x,y", "--out", "v.npy")
    assert printed.returncode == 2
    assert "--columns names 2 columns (x, y), but the model reads 3 (0, 1, 2)" in printed.stderr


def test_a_command_of_a_package_has_the_option(numbered, files, run_sma):
    pytest.importorskip("sma_view")
    printed = run_sma("masks", files / "lists.parquet", "--model", numbered, "--columns", "x,y,z", "--json")
    assert printed.returncode == 0


def test_excluded_columns_of_text_do_not_prevent_the_guess_of_labels(numbers, files, tmp_path):
    settings = {**EPOCHS, "data.exclude": ["code"]}
    result = sma_core.finetune(numbers, data=files / "lists.parquet", settings=settings, out=tmp_path / "run")
    assert result.kind == "binary"
