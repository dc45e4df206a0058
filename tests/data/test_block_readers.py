"""The core's readers of numbers: headers or none, every compression, and bad rows that lose nothing else."""

from __future__ import annotations

import gzip

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from sma_core.data.blocks import Block
from sma_core.data.readers import table
from sma_core.data.readers.arrays import read_arrays
from sma_core.data.readers.parquet import read_parquet
from sma_core.data.readers.table import read_table
from sma_core.errors import DataError
from tests.support.records import rejected, write

NAN = float("nan")
ROWS = b"1,2.5,x\n4,5,y\n-7e1,,z\n"


def joined(records) -> Block:
    blocks = [record for record in records if isinstance(record, Block)]
    fields = tuple(np.concatenate(parts) for parts in zip(*(block.fields for block in blocks), strict=True))
    numbers = np.concatenate([block.numbers for block in blocks])
    return Block(numbers, np.concatenate([block.values for block in blocks]), fields, blocks[0].columns)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.csv", bytes),
        ("a.csv.gz", gzip.compress),
        ("a.csv.zst", lambda content: pa.Codec("zstd").compress(content, asbytes=True)),
        ("a.tsv", lambda content: content.replace(b",", b"\t")),
        ("crlf.csv", lambda content: content.replace(b"\n", b"\r\n")),
        ("mark.csv", lambda content: b"\xef\xbb\xbf" + content),
        ("open.csv", lambda content: content.removesuffix(b"\n")),
        ("quoted.csv", lambda content: content.replace(b"x", b'"x"').replace(b"2.5", b'"2.5"')),
    ],
)
def test_a_table_with_a_header_gives_values_and_fields(tmp_path, name, pack):
    found = joined(read_table(write(tmp_path, name, pack(b"a,b,name\n" + ROWS)), (), ("name",)))
    assert found.columns == ("a", "b")
    assert found.numbers.tolist() == [1, 2, 3]
    assert found.values.dtype == np.float32
    np.testing.assert_array_equal(found.values, np.array([[1, 2.5], [4, 5], [-70, NAN]], np.float32))
    assert found.fields[0].tolist() == ["x", "y", "z"]


def test_a_table_without_a_header_takes_the_names_that_are_given(tmp_path):
    path = write(tmp_path, "a.csv.gz", gzip.compress(ROWS))
    found = joined(read_table(path, ("b",), ("a", "name"), names=("a", "b", "name")))
    np.testing.assert_array_equal(found.values, np.array([[2.5], [5], [NAN]], np.float32))
    assert found.fields[0].dtype == np.float32
    assert found.fields[0].tolist() == [1, 4, -70]


def test_columns_come_in_the_order_asked_for(tmp_path):
    found = joined(read_table(write(tmp_path, "a.csv", b"a,b,c\n1,2,3\n"), ("c", "a"), ()))
    assert (found.columns, found.values.tolist()) == (("c", "a"), [[3, 1]])


def test_missing_numbers_are_nan(tmp_path):
    content = b"a,b\n1,\n,nan\nNA,2\n?,null\nNaN,3\n"
    found = joined(read_table(write(tmp_path, "a.csv", content), (), ()))
    assert np.isnan(found.values).tolist() == [
        [False, True],
        [True, True],
        [True, False],
        [True, True],
        [True, False],
    ]


BAD = {
    3: (b"1,two,x", "not a number: b is 'two'"),
    5: (b"1,2", "wrong number of columns: 2 instead of 3"),
    8: (b"1,2,x,4", "wrong number of columns: 4 instead of 3"),
    9: (b"", "empty"),
    12: (b"inf,2,x", "not a finite float32 number: a is inf"),
    20: (b"1,-Infinity,x", "not a finite float32 number: b is -inf"),
    21: (b"1,1e60,x", "not a finite float32 number: b is inf"),
    33: (b"1,2,\xff", "not valid UTF-8"),
    34: (b'1,2,"x', "quotation marks do not pair"),
    777: (b"\xff,2,x", "not a number: a is '\ufffd'"),
}


def kind(reasons: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return [(number, reason.partition(" is ")[0]) for number, reason in reasons]


@pytest.mark.parametrize("block_bytes", [1 << 8, 1 << 12, 8 << 20])
def test_bad_rows_are_set_aside_and_no_other_is_lost(tmp_path, monkeypatch, block_bytes):
    monkeypatch.setattr(table, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr("sma_core.data.streams.BLOCK_BYTES", 1000)
    lines = [BAD[n][0] if n in BAD else f"{n},{n / 4},t{n}".encode() for n in range(1, 1001)]
    path = write(tmp_path, "a.csv", b"a,b,name\n" + b"\n".join(lines) + b"\n")
    records = list(read_table(path, (), ("name",)))
    assert kind(rejected(records)) == kind([(number, reason) for number, (_, reason) in BAD.items()])
    found = joined(records)
    good = [n for n in range(1, 1001) if n not in BAD]
    assert found.numbers.tolist() == good
    assert found.values[:, 0].tolist() == good
    assert found.values[:, 1].tolist() == [n / 4 for n in good]
    assert found.fields[0].tolist() == [f"t{n}" for n in good]


def test_marks_that_pair_over_lines_do_not_shift_the_numbers_of_rows(tmp_path):
    path = write(tmp_path, "a.csv", b'a,name\n1,"x\n2,y"\n3,z\n')
    records = list(read_table(path, ("a",), ("name",)))
    assert rejected(records) == [(1, "quotation marks do not pair")]
    assert joined(records).values.tolist() == [[2], [3]]
    assert joined(records).numbers.tolist() == [2, 3]


def test_rows_set_aside_come_before_their_block(tmp_path):
    path = write(tmp_path, "a.csv", b"a\n1\nx\n3\n")
    last = 0
    for record in read_table(path, (), ()):
        if isinstance(record, Block):
            last = int(record.numbers[-1])
        else:
            assert record.number > last


@pytest.mark.parametrize(
    ("content", "columns", "fields", "sentence"),
    [
        (b"", (), (), "holds no rows"),
        (b"a,b\n", (), (), "holds no rows"),
        (b"a,b\n1,2\n", ("c",), (), r"no column 'c'; its columns are: a, b"),
        (b"a,b\n1,2\n", (), ("bb",), r"no column 'bb'"),
        (b"a,a\n1,2\n", ("a",), (), "2 columns named 'a'"),
        (b"a\n1\n", (), ("a",), "no column besides a"),
        (b"1.5,2\n3,4\n", (), (), "begins with a row of numbers"),
    ],
)
def test_what_spoils_a_table_is_said(tmp_path, content, columns, fields, sentence):
    with pytest.raises(DataError, match=sentence):
        list(read_table(write(tmp_path, "a.csv", content), columns, fields))


def test_a_cut_off_table_and_a_missing_one_are_named(tmp_path):
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 100_000)
    with pytest.raises(DataError, match="damaged or cut-off"):
        list(read_table(write(tmp_path, "a.csv.gz", whole[:-40]), (), ()))
    with pytest.raises(DataError, match="no file"):
        list(read_table(tmp_path / "none.csv", (), ()))


def test_a_parquet_file_gives_the_same(tmp_path):
    columns = {
        "a": [1, 2, None],
        "b": [0.5, float("inf"), 2.0],
        "c": [True, False, True],
        "name": ["x", None, "z"],
    }
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    records = list(read_parquet(tmp_path / "a.parquet", (), ("name", "a")))
    assert rejected(records) == [(2, "not a finite float32 number: b is inf")]
    found = joined(records)
    assert found.columns == ("b", "c")
    assert found.numbers.tolist() == [1, 3]
    assert found.values.tolist() == [[0.5, 1], [2, 1]]
    assert found.fields[0].tolist() == ["x", "z"]
    np.testing.assert_array_equal(found.fields[1], np.array([1, NAN], np.float32))


def test_a_parquet_column_of_text_is_no_feature(tmp_path):
    parquet.write_table(pa.table({"a": [1.0], "name": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="the column 'name' holds string, not numbers"):
        list(read_parquet(tmp_path / "a.parquet", (), ()))
    with pytest.raises(DataError, match="not a readable Parquet file"):
        list(read_parquet(write(tmp_path, "b.parquet", b"no"), (), ()))


def test_arrays_give_the_same(tmp_path):
    values = np.arange(12, dtype=np.float64).reshape(4, 3)
    values[1, 1], values[2, 2] = np.nan, np.inf
    np.save(tmp_path / "a.npy", values)
    records = list(read_arrays(tmp_path / "a.npy", (), ("y",), names=("y", "a", "b")))
    assert rejected(records) == [(3, "not a finite float32 number: b is inf")]
    found = joined(records)
    assert (found.columns, found.numbers.tolist()) == (("a", "b"), [1, 2, 4])
    np.testing.assert_array_equal(found.values, values[[0, 1, 3], 1:].astype(np.float32))
    assert found.fields[0].tolist() == [0, 3, 9]


def test_arrays_of_one_file_are_columns(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((3, 2)), kind=np.array(["a", "b", "a"]), y=np.arange(3))
    found = joined(read_arrays(tmp_path / "a.npz", (), ("kind", "y")))
    assert found.columns == ("0", "1")
    assert found.fields[0].tolist() == ["a", "b", "a"]
    assert found.fields[1].tolist() == [0, 1, 2]
    assert joined(read_arrays(tmp_path / "a.npz", (), ())).columns == ("0", "1")
    assert joined(read_arrays(tmp_path / "a.npz", ("y", "1"), ())).values.tolist() == [[0, 1], [1, 1], [2, 1]]


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((2, 2, 2, 2)), np.array([["a", "b"]])])
def test_arrays_that_are_no_table_are_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match="one array of numbers, rows by columns, or rows by positions by channels"):
        list(read_arrays(tmp_path / "a.npy", (), ()))


def test_arrays_that_need_pickle_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="not a readable NumPy file"):
        list(read_arrays(tmp_path / "a.npy", (), ()))
    np.save(tmp_path / "b.npy", np.zeros((2, 3)))
    with pytest.raises(DataError, match="2 names are given"):
        list(read_arrays(tmp_path / "b.npy", (), (), names=("a", "b")))
