"""The reader of FASTA files."""

import gzip

import pytest

from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError
from sma_protein import readers
from sma_protein.readers.fasta import read_fasta


def test_records_span_lines(written):
    path = written(
        "a.fasta", b"\n>one first > of all\nMKT\nAY I\n\nAK\r\n>two\nACD*\n;a comment\nEF\n>three\nmk-t\n"
    )
    assert list(read_fasta(path, None, ())) == [Row(1, "MKTAYIAK"), Row(2, "ACD*EF"), Row(3, "mk-t")]


def test_bad_records_are_set_aside_and_counted(written):
    path = written("a.fa", b">one\n>two\nMK\xff\n>three\n \n>four\nMK\0\n>five\nMK\n>six")
    assert list(read_fasta(path, None, ())) == [
        RejectedRow(1, "empty"),
        RejectedRow(2, "not valid UTF-8", "MK\ufffd"),
        RejectedRow(3, "empty"),
        RejectedRow(4, "holds a NUL byte", "MK\0"),
        Row(5, "MK"),
        RejectedRow(6, "empty"),
    ]


def test_a_file_without_a_name_line_is_refused(written):
    with pytest.raises(DataError, match=r"is not a FASTA file: its first line must start with '>'"):
        list(read_fasta(written("a.fasta", "MKTAYIAK\n>one\nMK\n"), None, ()))


@pytest.mark.parametrize("content", ["", "\n\n", ";only a comment\n"])
def test_nothing_to_read_is_said(written, content):
    with pytest.raises(DataError, match="holds no rows"):
        list(read_fasta(written("a.faa", content), None, ()))


def test_fasta_files_have_no_columns(written):
    with pytest.raises(DataError, match="has no columns"):
        list(read_fasta(written("a.fasta", ">one\nMK\n"), "sequence", ()))


def test_a_cut_off_archive_is_said_after_its_whole_records(tmp_path):
    path = tmp_path / "a.fasta.gz"
    path.write_bytes(gzip.compress(b">one\nMK\n" * 200_000)[:-100])
    with pytest.raises(DataError, match="damaged or cut-off"):
        list(read_fasta(path, None, ()))


def test_a_record_that_never_ends_is_refused(written, monkeypatch):
    monkeypatch.setattr(readers, "LONGEST_RECORD", 1 << 20)
    path = written("a.fasta", ">genome\n" + ("ACGT" * 20 + "\n") * 20_000)
    with pytest.raises(DataError, match="a record of over 1 MiB"):
        list(read_fasta(path, None, ()))


def test_rows_come_while_the_file_is_read(tmp_path):
    path = tmp_path / "a.fasta.gz"
    path.write_bytes(gzip.compress(b">one\nMKTAY\n" * 2_000_000)[:-100])
    rows = read_fasta(path, None, ())
    assert [next(rows).number for _ in range(3)] == [1, 2, 3]
