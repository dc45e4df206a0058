"""Baselines on features, and the events to pre-train on."""

from __future__ import annotations

import gzip
import os

import numpy as np
import pytest
from pyarrow import parquet

from sma_core.errors import DataError
from sma_physics.schema import FEATURE_NAMES
from sma_physics.splits import HIGGS_TEST_ROWS
from sma_physics.unlabelled import higgs_without_test


@pytest.fixture
def baselines():
    return pytest.importorskip("sma_physics.baselines", reason="needs sma-physics[bench]")


@pytest.fixture
def labelled(baselines):
    """Rows with missing features, as a baseline takes them, and the labels of all."""
    draw = np.random.default_rng(0)
    values = draw.normal(100.0, 20.0, size=(600, 4)).astype(np.float32)
    labels = (values[:, :1] > 100.0).astype(np.float64)
    values[::7, 1] = np.nan
    known = labels.copy()
    known[500:] = np.nan
    return baselines.BaselineRows(values, known, "binary", (), np.arange(400), np.arange(400, 500), 0), labels


def test_a_linear_model_takes_missing_features(baselines, labelled):
    rows, labels = labelled
    assert np.mean((baselines.linear(rows)[500:] > 0.5) == labels[500:]) > 0.95


def test_boosted_trees_take_missing_features(baselines, labelled):
    pytest.importorskip("lightgbm")
    rows, labels = labelled
    assert np.mean((baselines.boosted_trees(rows)[500:] > 0.5) == labels[500:]) > 0.95


def test_the_events_to_pretrain_on_are_those_after_the_test(tmp_path, monkeypatch):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SMA_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"higgs\.csv\.gz"):
        higgs_without_test()

    (tmp_path / "physics").mkdir()
    with gzip.open(tmp_path / "physics" / "higgs.csv.gz", "wt") as file:
        file.write(",".join(("label", *FEATURE_NAMES, "source")) + "\n")
        for number in range(HIGGS_TEST_ROWS + 3):
            file.write(",".join(("1", *[str(number)] * len(FEATURE_NAMES), "somewhere")) + "\n")
    table = parquet.read_table(higgs_without_test())
    assert tuple(table.column_names) == FEATURE_NAMES
    assert table.column(0).to_pylist() == [HIGGS_TEST_ROWS, HIGGS_TEST_ROWS + 1, HIGGS_TEST_ROWS + 2]


def test_events_are_made_anew_when_higgs_is_newer_and_only_then(tmp_path, monkeypatch):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SMA_DATA", str(tmp_path))
    source = tmp_path / "physics" / "higgs.csv.gz"
    source.parent.mkdir()

    def write(value: str) -> None:
        with gzip.open(source, "wt") as file:
            file.write(",".join(("label", *FEATURE_NAMES, "source")) + "\n")
            for _ in range(HIGGS_TEST_ROWS + 1):
                file.write(",".join(("1", *[value] * len(FEATURE_NAMES), "somewhere")) + "\n")

    write("1")
    made = higgs_without_test()
    before = made.stat().st_mtime_ns
    assert higgs_without_test().stat().st_mtime_ns == before
    write("2")
    later = made.stat().st_mtime + 5
    os.utime(source, (later, later))
    assert parquet.read_table(higgs_without_test()).column(0).to_pylist() == [2]


@pytest.mark.parametrize("name", ["linear", "boosted_trees"])
def test_sequences_are_described_by_statistics_of_their_channels(baselines, name):
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 600).astype(float)
    rows = [draw.normal(2 * label, 1, (draw.integers(3, 9), 2)).astype(np.float32) for label in labels]
    known = np.where(np.arange(600) < 500, labels, np.nan)[:, None]
    inputs = baselines.BaselineRows(rows, known, "binary", (), np.arange(400), np.arange(400, 500), 0)
    predictions = getattr(baselines, name)(inputs)
    assert np.mean((predictions[500:, 0] > 0.5) == labels[500:]) > 0.9
