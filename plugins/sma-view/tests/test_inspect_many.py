"""`inspect_data` of several files: what one file with the same rows would show."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from sma_core.errors import DataError
from sma_view.inspect_data import inspect_data

ROWS = ["bako", "BAD!", "bekobeko", "B", "mo", "nine", "lakola", "BAD!"]
ELSEWHERE = {"label", "path", "files", "seconds", "peak_megabytes", "worker_megabytes"}


def figures(domain: str, data: object, **options: object) -> dict:
    found = asdict(inspect_data(domain, str(data), processes=1, **options))
    return {name: rounded(value) for name, value in found.items() if name not in ELSEWHERE}


def rounded(value: object) -> object:
    """Leave out the last digits of numbers, which depend on the order in which sums are taken."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 9) if isinstance(value, float) else value


@pytest.fixture
def parts(tmp_path) -> Path:
    """The rows in three files of a folder, and together beside it."""
    folder = tmp_path / "parts"
    folder.mkdir()
    for at, rows in enumerate((ROWS[:3], ROWS[3:4], ROWS[4:])):
        (folder / f"{at}.txt").write_text("\n".join(rows) + "\n")
    (tmp_path / "all.txt").write_text("\n".join(ROWS) + "\n")
    return folder


@pytest.mark.parametrize("rows", [None, 1, 3, 4, 5, 8])
def test_text_in_several_files_looks_as_in_one(toy, parts, rows):
    one = figures(toy, parts.parent / "all.txt", rows=rows)
    assert one == figures(toy, parts, rows=rows) == figures(toy, f"{parts}/*.txt", rows=rows)
    assert one["whole"] is (rows is None or rows == len(ROWS))


def test_how_many_files_there_are_is_told(toy, parts):
    found = inspect_data(toy, f"{parts}/2.txt,{parts}/0.txt")
    assert (found.files, Path(found.path).name) == (2, "0.txt")
    assert found.rows == 7


@pytest.mark.parametrize("rows", [None, 2, 3, 4, 5])
def test_numbers_in_several_files_look_as_in_one(numbers, tmp_path, rows):
    values = np.random.default_rng(0).normal(size=(5, 4)).round(3)
    head, lines = "a,b,c,d", [",".join(map(str, row)) for row in values]
    lines[1] = "x,1,2,3"
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "0.csv").write_text("\n".join([head, *lines[:3]]) + "\n")
    (folder / "1.csv").write_text("\n".join([head, *lines[3:]]) + "\n")
    (tmp_path / "all.csv").write_text("\n".join([head, *lines]) + "\n")
    one = figures(numbers, tmp_path / "all.csv", rows=rows)
    assert one == figures(numbers, folder, rows=rows)
    (folder / "1.csv").write_text("a,b,c,e\n1,2,3,4\n")
    if rows is None:
        with pytest.raises(DataError, match=r"1\.csv has other columns .*must have the same"):
            inspect_data(numbers, str(folder))


def test_rows_behind_a_url_look_as_those_of_the_file(toy, parts, memory):
    pytest.importorskip("fsspec")
    for file in parts.iterdir():
        memory.pipe(f"/parts/{file.name}", file.read_bytes())
    assert figures(toy, "memory://parts/*.txt") == figures(toy, parts)
    assert inspect_data(toy, "memory://parts/*.txt").path == "memory://parts/0.txt"


def test_the_sets_of_all_domains_are_listed_without_one(toy, run_sma):
    every = json.loads(run_sma("data", "list", "--json").stdout)
    own = json.loads(run_sma("data", "list", "--domain", toy, "--json").stdout)
    assert {listed["domain"] for listed in own} == {toy}
    names = [listed["name"] for listed in every if listed["domain"] == toy]
    assert names == [listed["name"] for listed in own] != []
    assert "DOMAIN" in run_sma("data", "list").stdout
