"""Line ends, delimiters, decimal marks and headers of text tables."""

import os

import numpy as np
import pytest

from sma_core.data.readers.csv import read_csv, read_header
from sma_core.data.readers.lines import read_text
from sma_core.data.readers.table import read_table
from sma_core.data.records import Row
from sma_core.data.streams import read_blocks, read_lines
from sma_core.errors import DataError
from tests.support.records import rejected, write


def values(path, *columns, **options):
    blocks = list(read_table(path, columns, (), **options))
    return blocks[0].columns, np.concatenate([block.values for block in blocks]).tolist()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_lines_end_in_the_ways_of_all_systems(tmp_path, monkeypatch, end, size):
    monkeypatch.setattr("sma_core.data.streams.BLOCK_BYTES", size)
    path = write(tmp_path, "a.txt", end.join([b"one", b"", b"two", b"three", b"", b" ", b""]))
    assert list(read_lines(path)) == [b"one", b"", b"two", b"three"]
    assert b"".join(read_blocks(path, 5)) == b"one\n\ntwo\nthree\n"


def test_line_ends_may_be_mixed(tmp_path):
    path = write(tmp_path, "a.csv", b"a,b\r1,2\n3,4\r\n5,6\r\r\n")
    assert values(path) == (("a", "b"), [[1, 2], [3, 4], [5, 6]])


def test_blank_lines_at_the_end_are_no_rows_but_those_between_rows_are(tmp_path):
    content = b"text\ta\nCC\t1\n\nNN\t\t\nOO\t\n\n  \n"
    assert rejected(read_csv(write(tmp_path, "a.tsv", content), "text", ()))[0] == (2, "empty")
    records = list(read_csv(tmp_path / "a.tsv", "text", ("a",)))
    assert records[-1] == Row(4, "OO", ("",))
    assert len(records) == 4
    blank = list(read_text(write(tmp_path, "b.txt", b"x\n\ny\n\n\n"), None, ()))
    assert [record.number for record in blank] == [1, 2, 3]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, mark):
    path = write(tmp_path, "a.csv", f"x{mark}y\n1.5{mark}2\n3{mark}4.25\n".encode())
    assert values(path) == (("x", "y"), [[1.5, 2], [3, 4.25]])
    text = write(tmp_path, "b.csv", f"text{mark}y\nC,C|C{mark}1\n".encode())
    if mark in ";\t":
        assert list(read_csv(text, None, ("y",), usual=("text",))) == [Row(1, "C,C|C", ("1",))]


def test_the_usual_delimiter_is_kept_where_it_fits(tmp_path):
    path = write(tmp_path, "a.csv", b"text,b;c\nx,1;2\n")
    assert read_header(path) == ["text", "b;c"]
    path = write(tmp_path, "a.csv", b"text,y\nC,1,2\nN,3\n")  # the first row is bad
    assert rejected(read_csv(path, "text", ())) == [(1, "wrong number of columns: 3 instead of 2")]


def test_a_delimiter_that_is_named_is_taken(tmp_path):
    path = write(tmp_path, "a.csv", b"x:y\n1:2\n")
    assert values(path, delimiter=":") == (("x", "y"), [[1, 2]])
    assert list(read_csv(path, "y", ("x",), delimiter=":")) == [Row(1, "2", ("1",))]
    assert read_header(write(tmp_path, "b.csv", b"a\tb,c\n1\t2\n"), "tab") == ["a", "b,c"]
    with pytest.raises(DataError, match="a delimiter is one character"):
        read_header(path, "::")


def test_decimal_commas_are_numbers(tmp_path):
    path = write(tmp_path, "a.csv", b"x;y\n0,5;1e3\n-1,25;2\nbad;1\n3;\n")
    blocks = list(read_table(path, ("x",), ("y",)))
    numbers = np.concatenate([block.values[:, 0] for block in blocks if not hasattr(block, "reason")])
    assert numbers.tolist() == [0.5, -1.25, 3.0]
    assert rejected(blocks) == [(3, "not a number: x is 'bad'")]
    labels = list(read_table(path, ("y",), ("x",)))
    assert labels[0].fields[0].tolist() == ["0.5", "-1.25", "bad", "3"]
    quoted = write(tmp_path, "b.csv", b'x,y\n"0,5",1\n"2,75",2\n')
    assert values(quoted) == (("x", "y"), [[0.5, 1], [2.75, 2]])


def test_commas_that_may_separate_thousands_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"numbers such as 1,234, with a comma for decimals or for thousands"):
        values(write(tmp_path, "a.csv", b"x;y\n1,234;1\n12,345;2\n"))


@pytest.mark.parametrize(
    "reader", [lambda path: list(read_table(path, ("x",), ())), lambda path: read_header(path)]
)
def test_a_name_that_occurs_twice_is_an_error_even_when_nobody_asks_for_it(tmp_path, reader):
    with pytest.raises(DataError, match=r"a\.csv has 2 columns named 'y'; give each a unique name"):
        reader(write(tmp_path, "a.csv", b"x,y,y\n1,2,3\n"))


@pytest.mark.parametrize("first", ["12,7,5", "0.5,1,2", "1e3,0,1", "s,0.25,1", "0,1"])
@pytest.mark.parametrize("reader", [lambda path: list(read_table(path, (), ())), lambda path: read_header(path)])
def test_a_row_of_numbers_is_no_header(tmp_path, first, reader):
    path = write(tmp_path, "a.csv", f"{first}\n{first}\n".encode())
    with pytest.raises(DataError, match=r"begins with a row of numbers .* instead of column names"):
        reader(path)


@pytest.mark.parametrize("first", ["0,1,2", "1,2,3", "x,0,1"])
def test_names_that_count_the_columns_are_a_header(tmp_path, first):
    assert values(write(tmp_path, "a.csv", f"{first}\n7,8,9\n".encode())) == (tuple(first.split(",")), [[7, 8, 9]])


def test_names_are_for_files_without_a_header(tmp_path):
    bare = write(tmp_path, "a.csv", b"7,8\n9,1\n")
    assert values(bare, names=("pt", "eta")) == (("pt", "eta"), [[7, 8], [9, 1]])
    headed = write(tmp_path, "b.csv", b"eta,pt\n8,7\n")
    assert values(headed, "pt", names=("pt", "eta")) == (("pt",), [[7]])
    with pytest.raises(DataError, match="has 2 columns, but 3 names are given"):
        values(bare, names=("a", "b", "c"))


def test_names_may_hold_line_ends_and_quotes(tmp_path):
    path = write(tmp_path, "a.csv", b'"log\nS, ""mol""",b\n1,2\n')
    assert values(path)[0] == ('log\nS, "mol"', "b")
    assert read_header(path) == ['log\nS, "mol"', "b"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_is_refused_instead_of_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(DataError, match="is a pipe or device, not a file"):
        read_header(tmp_path / "a.csv")
