"""Streams and the core's readers: good files, bad rows, bad files."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from sma_core.data.readers.csv import choose_column, read_csv
from sma_core.data.readers.lines import read_text
from sma_core.data.records import Row
from sma_core.data.streams import data_suffix, read_lines
from sma_core.errors import DataError
from tests.support.records import rejected, write


def zstd(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)


def texts(records) -> list[str]:
    return [record.text for record in records if isinstance(record, Row)]


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.csv", ".csv"), ("a.CSV.GZ", ".csv"), ("x.y.tsv.zst", ".tsv"), ("plain", ""), ("a.gz", "")],
)
def test_the_suffix_ignores_compression(name, suffix):
    assert data_suffix(Path(name)) == suffix


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gz", "zst"])
def test_lines_are_the_same_from_every_compression(tmp_path, pack):
    ending = {bytes: "", gzip.compress: ".gz", zstd: ".zst"}[pack]
    path = write(tmp_path, f"a.txt{ending}", pack(b"one\r\ntwo\nthree"))
    assert list(read_lines(path)) == [b"one", b"two", b"three"]


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, ".gz"), (zstd, ".zst")])
def test_members_one_after_another_are_one_file(tmp_path, pack, ending):
    path = write(tmp_path, f"a.txt{ending}", pack(b"one\ntw") + pack(b"o\n") + pack(b"three\n"))
    assert list(read_lines(path)) == [b"one", b"two", b"three"]


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, ".gz"), (zstd, ".zst")])
def test_cut_off_and_foreign_compressed_files_say_so(tmp_path, pack, ending):
    import random

    noise = random.Random(0).randbytes(200_000)
    for content in (pack(noise)[:-50_000], b"this is not compressed\n", pack(b"a\n") + b"trailing noise"):
        with pytest.raises(DataError, match="damaged or cut-off"):
            list(read_lines(write(tmp_path, f"a.txt{ending}", content)))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for name in ("no.txt", "no.txt.gz", "no.txt.zst"):
        with pytest.raises(DataError, match=f"no file .*{name}"):
            list(read_lines(tmp_path / name))
    with pytest.raises(DataError, match="is a folder"):
        list(read_lines(tmp_path))


def test_the_byte_order_mark_is_no_text_and_utf16_is_refused(tmp_path):
    assert list(read_lines(write(tmp_path, "a.txt", b"\xef\xbb\xbfone\n"))) == [b"one"]
    with pytest.raises(DataError, match="UTF-16"):
        list(read_lines(write(tmp_path, "b.txt", "one\n".encode("utf-16"))))


def test_lines_longer_than_a_block_are_whole_and_endless_ones_refused(tmp_path, monkeypatch):
    long = b"C" * 3_000_000
    assert list(read_lines(write(tmp_path, "a.txt", long + b"\nN\n"))) == [long, b"N"]
    monkeypatch.setattr("sma_core.data.streams.LONGEST_LINE", 1 << 20)
    with pytest.raises(DataError, match="a line of over 1 MB"):
        list(read_lines(tmp_path / "a.txt"))


def test_text_rows_bad_ones_are_set_aside_and_the_rest_goes_on(tmp_path):
    path = write(tmp_path, "a.txt", b"  one  \n\nb\xffd\nn\0l\xff\nna\xc3\xafve\n")
    records = list(read_text(path, None, ()))
    assert texts(records) == ["one", "naïve"]
    assert rejected(records) == [(2, "empty"), (3, "not valid UTF-8"), (4, "holds a NUL byte")]
    assert [records[at].text for at in (2, 3)] == ["b\ufffdd", "n\0l\ufffd"]  # what can be written down


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("reader", [read_text, read_csv])
def test_an_empty_file_holds_no_rows(tmp_path, reader, ending):
    with pytest.raises(DataError, match="holds no rows"):
        list(reader(write(tmp_path, f"a.csv{ending}", b""), None, ()))


def test_text_files_have_no_columns(tmp_path):
    with pytest.raises(DataError, match="has no columns"):
        list(read_text(write(tmp_path, "a.txt", b"x\n"), "smiles", ()))


def test_csv_gives_the_column_and_the_fields(tmp_path):
    path = write(tmp_path, "a.csv", b'\xef\xbb\xbfname,text,y\r\n"a, b",CC,1.5\r\nc,"C""C",\r\n')
    assert list(read_csv(path, "text", ("y", "name"))) == [
        Row(1, "CC", ("1.5", "a, b")),
        Row(2, 'C"C', ("", "c")),
    ]
    tabs = write(tmp_path, "a.tsv", b"name\ttext\nx,y\tCC\n")
    assert list(read_csv(tabs, "text", ("name",))) == [Row(1, "CC", ("x,y",))]


def test_csv_records_may_span_lines(tmp_path):
    path = write(tmp_path, "a.csv", b'text,note\nCC,"two\nlines"\nNN,one\n')
    assert list(read_csv(path, None, ("note",), usual=("text",))) == [
        Row(1, "CC", ("two\nlines",)),
        Row(2, "NN", ("one",)),
    ]


def test_a_quotation_mark_never_closed_spoils_its_row_only(tmp_path):
    path = write(tmp_path, "a.csv", b'text,note\nCC,"open\nNN,x\nOO,y\nSS,5" pipe\nFF,z\n')
    records = list(read_csv(path, "text", ()))
    assert texts(records) == ["NN", "OO", "FF"]
    assert rejected(records) == [(1, "quotation marks do not pair"), (4, "quotation marks do not pair")]


def test_bad_csv_rows_are_set_aside(tmp_path):
    path = write(tmp_path, "a.csv", b"text,y\nCC,1\nCC\nCC,1,2\n\n,3\n\xff,1\nC\xe9,1\nNN,\xff\nOO,2\n")
    records = list(read_csv(path, "text", ()))
    assert texts(records) == ["CC", "NN", "OO"]  # a bad byte in a column that nobody asked for is harmless
    assert rejected(records) == [
        (2, "wrong number of columns: 1 instead of 2"),
        (3, "wrong number of columns: 3 instead of 2"),
        (4, "empty"),
        (5, "empty"),
        (6, "not valid UTF-8"),
        (7, "not valid UTF-8"),
    ]
    assert (8, "not valid UTF-8") in rejected(read_csv(path, "text", ("y",)))


def test_a_header_alone_holds_no_rows(tmp_path):
    with pytest.raises(DataError, match="holds no rows"):
        list(read_csv(write(tmp_path, "a.csv", b"text,y\n"), "text", ()))


def test_a_wrong_column_is_answered_with_those_there_are(tmp_path):
    path = write(tmp_path, "a.csv", b"smiles,y\nCC,1\n")
    with pytest.raises(DataError, match=r"a\.csv has no column 'Smile'; its columns are: smiles, y; did you"):
        list(read_csv(path, "Smile", ()))
    with pytest.raises(DataError, match="has no column 'target'"):
        list(read_csv(path, "smiles", ("target",)))


@pytest.mark.parametrize(
    ("header", "usual", "found"),
    [
        (["y", "text", "smiles"], ("smiles", "text"), "smiles"),
        (["y", "SMILES"], ("smiles",), "SMILES"),
        (["anything"], (), "anything"),
    ],
)
def test_a_usual_column_is_found(header, usual, found):
    assert choose_column(header, None, usual, Path("a.csv")) == found


def test_without_a_usual_column_the_user_must_name_one():
    with pytest.raises(DataError, match=r"usual name \(smiles\); its columns are: a, b; name one"):
        choose_column(["a", "b"], None, ("smiles",), Path("a.csv"))


def test_white_space_is_kept_on_request(tmp_path):
    path = write(tmp_path, "a.txt", b"  one \n\n\ttwo\n   \nthree\n")
    assert texts(read_text(path, None, ())) == ["one", "two", "three"]
    assert rejected(read_text(path, None, ())) == [(2, "empty"), (4, "empty")]
    assert texts(read_text(path, None, (), strip=False)) == ["  one ", "\ttwo", "three"]
    assert rejected(read_text(path, None, (), strip=False)) == [(2, "empty"), (4, "empty")]
    table = write(tmp_path, "a.csv", b'text,label\n" a\n b ", 1 \nc ,2\n')
    assert [(row.text, row.fields) for row in read_csv(table, "text", ["label"], strip=False)] == [
        (" a\n b ", ("1",)),
        ("c ", ("2",)),
    ]


def test_blank_lines_are_a_choice(tmp_path):
    path = write(tmp_path, "a.txt", b"\n one\n two\n\n \nthree\n\n")
    skipped = list(read_text(path, None, (), blank_lines="skip"))
    assert [(row.number, row.text) for row in skipped] == [(1, "one"), (2, "two"), (3, "three")]
    paragraphs = list(read_text(path, None, (), blank_lines="separate", strip=False))
    assert [(row.number, row.text) for row in paragraphs] == [(1, " one\n two"), (2, "three")]
    for choice in ("reject", "skip", "separate"):
        with pytest.raises(DataError, match="holds no rows"):
            list(read_text(write(tmp_path, "b.txt", b"\n \n"), None, (), blank_lines=choice))


def test_a_paragraph_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("sma_core.data.readers.lines.LONGEST_LINE", 1 << 20)
    path = write(tmp_path, "a.txt", (b"x" * 1000 + b"\n") * 1100)
    with pytest.raises(DataError, match="over 1 MB without a blank line"):
        list(read_text(path, None, (), blank_lines="separate"))
