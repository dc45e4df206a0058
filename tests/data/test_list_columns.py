"""Parquet files with columns of lists: rows that are sequences of vectors."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from sma_core.data.blocks import Block
from sma_core.data.readers import arrow_rows
from sma_core.data.readers.parquet import read_parquet
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError

PT = [[1.0, 2.0], [3.0], [], None, [1.0, 2.0, 3.0], [math.inf], [4.0, None]]
ETA = [[0.5, 0.25], [0.5], [], None, [1.0, 2.0], [1.0], [8.0, 9.0]]


@pytest.fixture
def jets(tmp_path):
    path = tmp_path / "jets.parquet"
    parquet.write_table(pa.table({"pt": PT, "eta": ETA, "y": list("abcdefg"), "mass": np.arange(7.0)}), path)
    return path


@pytest.mark.parametrize("rows", [4096, 2])
def test_each_column_of_lists_is_a_channel(jets, monkeypatch, rows):
    monkeypatch.setattr(arrow_rows, "ROWS_OF_LISTS", rows)
    records = list(read_parquet(jets, ("pt", "eta"), ("y",)))
    blocks = [record for record in records if isinstance(record, Block)]
    rejected = [record for record in records if isinstance(record, RejectedRow)]
    read = [
        (number, block.sequences[row].tolist())
        for block in blocks
        for row, number in enumerate(block.numbers.tolist())
    ]
    assert str(read) == str(
        [(1, [[1.0, 0.5], [2.0, 0.25]]), (2, [[3.0, 0.5]]), (3, []), (4, []), (7, [[4.0, 8.0], [math.nan, 9.0]])]
    )
    assert [name for block in blocks for name in block.fields[0]] == ["a", "b", "c", "d", "g"]
    assert [(row.number, row.reason, row.fields) for row in rejected] == [
        (5, "channels of different lengths: pt has 3 positions, eta has 2", ("e",)),
        (6, "not a finite float32 number: pt of position 1 is inf", ("f",)),
    ]


def arrow_files(folder, table):
    """Write a table as Arrow's file format, its stream format, and Feather."""
    for name, opened in (("file.arrow", pa.ipc.new_file), ("stream.arrow", pa.ipc.new_stream)):
        with opened(str(folder / name), table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
        yield folder / name
    feather.write_feather(table, folder / "own.feather")
    yield folder / "own.feather"


def read_rows(path):
    """Return the rows of a file by number, or the reasons why they are rejected."""
    rows = {}
    for record in read_parquet(path, ("pt", "eta"), ("y", "mass")):
        if isinstance(record, RejectedRow):
            rows[record.number] = record.reason
            continue
        for row, number in enumerate(record.numbers.tolist()):
            fields = [field[row] for field in record.fields]
            rows[number] = str((record.sequences[row].tolist(), fields, record.columns))
    return dict(sorted(rows.items()))


def test_arrow_files_are_read_as_parquet_files_are(jets, tmp_path):
    for path in arrow_files(tmp_path, parquet.read_table(jets)):
        assert read_rows(path) == read_rows(jets)
        whole, damaged = path.read_bytes(), tmp_path / f"damaged{path.suffix}"
        for content in (whole[:50], b"FEA1" + whole, b""):
            damaged.write_bytes(content)
            with pytest.raises(DataError, match="is not a readable Arrow file"):
                read_rows(damaged)


def test_an_arrow_file_without_rows_is_refused(tmp_path):
    for path in arrow_files(tmp_path, pa.table({"x": pa.array([], pa.float64())})):
        with pytest.raises(DataError, match="holds no rows"):
            list(read_parquet(path, (), ()))


def test_lists_and_single_numbers_are_not_joined_unasked(jets):
    with pytest.raises(DataError, match=r"columns of lists \(pt, eta\) and of single numbers \(mass\)"):
        list(read_parquet(jets, (), ("y",)))
    (block,) = read_parquet(jets, ("mass",), ("y",))
    assert block.offsets is None


@pytest.mark.parametrize("kind", [pa.list_(pa.list_(pa.int16())), pa.large_list(pa.list_(pa.float16(), 2))])
def test_a_column_of_vectors_has_named_or_numbered_channels(tmp_path, kind):
    path = tmp_path / "a.parquet"
    number = np.float16 if "halffloat" in str(kind) else int  # pyarrow 17 takes no other number for float16
    vectors = [[[number(value) for value in vector] for vector in row] for row in ([[1, 2], [3, 4]], [[5, 6]])]
    parquet.write_table(pa.table({"x": pa.array([*vectors, None], kind)}), path)
    for names, columns in (((), ("0", "1")), (("u", "v"), ("u", "v"))):
        (block,) = read_parquet(path, (), (), names=names)
        assert block.columns == columns
        assert [block.sequences[row].tolist() for row in range(3)] == [[[1, 2], [3, 4]], [[5, 6]], []]
        (turned,) = read_parquet(path, columns[::-1], (), names=names)
        assert turned.columns == columns[::-1]
        np.testing.assert_array_equal(turned.values, block.values[:, ::-1])
    with pytest.raises(DataError, match="has no column 'u'; its columns are: 0, 1"):
        list(read_parquet(path, ("u",), ()))


def test_vectors_of_different_lengths_and_lists_of_text_are_refused(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"x": [[[1, 2]], [[3, 4], [5]]], "words": [["a"], ["b"]]}), path)
    with pytest.raises(DataError, match="row 2: a vector has 1 numbers, others 2"):
        list(read_parquet(path, ("x",), ()))
    with pytest.raises(DataError, match=r"'words' holds list<.*string>, not numbers"):
        list(read_parquet(path, ("words",), ()))
