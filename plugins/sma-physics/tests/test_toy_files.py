"""Toy events in files, the command, and the set that ships."""

import csv
import gzip

import numpy as np
import pytest
from pyarrow import parquet

from sma_core.errors import UserError
from sma_physics.schema import FEATURE_NAMES
from sma_physics.toy import files
from sma_physics.toy.__main__ import main
from sma_physics.toy.events import generate


def from_csv(text):
    header, *rows = csv.reader(text.splitlines())
    return header, np.array(rows, dtype=np.float32)


def from_file(path):
    if path.suffix == ".parquet":
        table = parquet.read_table(path)
        return table.column_names, np.stack([column.to_numpy() for column in table.columns], axis=1)
    data = path.read_bytes()
    return from_csv((gzip.decompress(data) if path.suffix == ".gz" else data).decode())


@pytest.mark.parametrize("ending", files.ENDINGS)
def test_files_hold_the_events_of_the_seed(tmp_path, ending, monkeypatch):
    monkeypatch.setattr(files, "generate", lambda events, seed: generate(events, seed, rows_in_block=300))
    path = tmp_path / f"events{ending}"
    files.write_events(path, 1000, seed=3)
    header, table = from_file(path)
    assert list(header) == ["label", *FEATURE_NAMES]
    [events] = generate(1000, seed=3)
    np.testing.assert_array_equal(table[:, 0], events.labels)
    np.testing.assert_array_equal(table[:, 1:], events.features)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_equal_events_are_equal_files(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        files.write_events(tmp_path / folder / f"{folder}.csv.gz", 200, seed=1)
    assert (tmp_path / "a" / "a.csv.gz").read_bytes() == (tmp_path / "b" / "b.csv.gz").read_bytes()


def test_nothing_is_left_after_an_error(tmp_path, monkeypatch):
    def broken(events, seed):
        yield from generate(10, seed)
        raise OSError("the disk is full")

    monkeypatch.setattr(files, "generate", broken)
    with pytest.raises(OSError, match="full"):
        files.write_events(tmp_path / "events.csv.gz", 1000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "events", "seed"), [("e.txt", 10, 0), ("e.csv", 0, 0), ("e.csv", 10, -1)])
def test_what_cannot_be_written_is_said(tmp_path, name, events, seed):
    with pytest.raises(UserError, match=r"must end with|events must be at least 1"):
        files.write_events(tmp_path / name, events, seed)


def test_the_shipped_set_is_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    path = files.higgs_toy()
    assert path.is_relative_to(tmp_path / "cache")
    assert parquet.read_metadata(path).num_rows == 50_000
    before = path.stat().st_mtime_ns
    assert files.higgs_toy() == path
    assert path.stat().st_mtime_ns == before


def test_the_command_writes_a_file_and_says_so(tmp_path, capsys):
    path = tmp_path / "events.csv"
    assert main([str(path), "--events", "50", "--seed", "2"]) == 0
    assert "wrote 50 toy events" in capsys.readouterr().out
    assert from_file(path)[1].shape == (50, 29)


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    assert main([str(tmp_path / "events.txt")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert main([str(tmp_path / "nowhere" / "events.csv"), "--events", "5"]) == 2
