"""The names of sequences, from every format, and alignments in FASTA form."""

import pytest

from sma_core.data.records import Row
from sma_protein.readers.fasta import read_aligned, read_fasta
from sma_protein.readers.stockholm import read_stockholm


def rows(records):
    return [(record.name, record.text) for record in records]


def test_the_first_word_of_a_fasta_header_is_the_name(tmp_path):
    (tmp_path / "a.fasta").write_text(">sp|P1|X first protein\nMK\nV\n>\nMA\n> q2\nM-\n")
    assert rows(read_fasta(tmp_path / "a.fasta", None, ())) == [("sp|P1|X", "MKV"), ("", "MA"), ("q2", "M-")]


@pytest.mark.parametrize("first", ["", "#A3M#\n"])
def test_alignments_are_read_without_gaps(tmp_path, first):
    (tmp_path / "a.a3m").write_text(f"{first}>one x\nMK-vV\n>two\nM..a\n")
    records = list(read_aligned(tmp_path / "a.a3m", None, ()))
    assert rows(records) == [("one", "MKVV"), ("two", "MA")]
    assert all(isinstance(record, Row) for record in records)


def test_rows_of_stockholm_files_have_names_also_when_they_are_set_aside(tmp_path):
    (tmp_path / "a.sto").write_text("# STOCKHOLM 1.0\nA/1-3 MK.V\nB/1-2 M-K-\nC MKVV\nD MKV\n//\n")
    records = list(read_stockholm(tmp_path / "a.sto", None, ()))
    assert [record.name for record in records] == ["A/1-3", "B/1-2", "C", "D"]
    assert [isinstance(record, Row) for record in records] == [True, True, True, False]
