"""The readers of GenBank and UniProt flat files."""

import pytest

from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError
from sma_protein import readers
from sma_protein.readers.flat import CUT_OFF, NO_SEQUENCE, NUCLEOTIDES, read_genbank, read_uniprot

GENBANK = """LOCUS       AAA12345                  12 aa            linear   PRI 01-JAN-2000
DEFINITION  A made-up protein.
ACCESSION   AAA12345
VERSION     AAA12345.1
KEYWORDS    .
SOURCE      Homo sapiens (human)
  ORGANISM  Homo sapiens
            Eukaryota.
FEATURES             Location/Qualifiers
     source          1..12
                     /organism="Homo sapiens"
ORIGIN
        1 mktaykqrst lm
//
"""
UNIPROT = """ID   TEST_HUMAN              Reviewed;          12 AA.
AC   P00001;
DT   01-JAN-2000, integrated into UniProtKB/Swiss-Prot.
DT   01-JAN-2000, sequence version 1.
DT   01-JAN-2000, entry version 1.
DE   RecName: Full=Made-up protein;
OS   Homo sapiens (Human).
OC   Eukaryota.
OX   NCBI_TaxID=9606;
RN   [1]
RP   NUCLEOTIDE SEQUENCE.
RA   M\udcfcller A.;
RT   "A test.";
RL   Nature 1:1-2(2000).
PE   1: Evidence at protein level;
SQ   SEQUENCE   12 AA;  1234 MW;  0123456789ABCDEF CRC64;
     MKTAYKQRST LM
//
"""
SEQUENCE = "MKTAYKQRSTLM"
FORMATS = [(read_genbank, "a.gp", GENBANK), (read_uniprot, "a.dat", UNIPROT)]
each_format = pytest.mark.parametrize(("read", "name", "record"), FORMATS, ids=["genbank", "uniprot"])


@each_format
def test_records_follow_each_other(written, read, name, record):
    path = written(name, "Some text before the first record.\n\n" + record + record + "\n\n" + record)
    assert list(read(path, None, ())) == [Row(1, SEQUENCE), Row(2, SEQUENCE), Row(3, SEQUENCE)]


@each_format
def test_windows_line_ends_are_fine(written, read, name, record):
    path = written(name, record.replace("\n", "\r\n"))
    assert list(read(path, None, ())) == [Row(1, SEQUENCE)]


@each_format
def test_a_bad_record_does_not_spoil_the_next(written, read, name, record):
    path = written(name, "".join([record, "no such line\n//\n", record.partition("\n")[0], "\n//\n", record]))
    rows = list(read(path, None, ()))
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert rows[0] == Row(1, SEQUENCE)
    assert isinstance(rows[1], RejectedRow)
    assert rows[1].kind == "Biopython cannot parse the record"
    assert isinstance(rows[2], RejectedRow)
    assert rows[3] == Row(4, SEQUENCE)


@each_format
def test_a_cut_off_record_is_set_aside(written, read, name, record):
    cut = record.removesuffix("//\n")
    path = written(name, cut + record + cut)
    shown = record.partition("\n")[0]
    assert list(read(path, None, ())) == [
        RejectedRow(1, CUT_OFF, shown),
        Row(2, SEQUENCE),
        RejectedRow(3, CUT_OFF, shown),
    ]


@each_format
def test_a_sequence_shorter_than_stated_is_set_aside(written, read, name, record):
    path = written(name, record.replace(" lm", " l").replace(" LM", " L"))
    (row,) = read(path, None, ())
    assert row.reason.startswith("sequence length mismatch: 11 residues, 12 in the ")


@each_format
def test_another_format_is_refused(written, read, name, record):
    with pytest.raises(DataError, match="no line starts with"):
        list(read(written(name, ">one\nMK\n"), None, ()))


@each_format
def test_nothing_to_read_is_said(written, read, name, record):
    with pytest.raises(DataError, match="holds no rows"):
        list(read(written(name, ""), None, ()))


@each_format
def test_flat_files_have_no_columns(written, read, name, record):
    with pytest.raises(DataError, match="has no columns"):
        list(read(written(name, record), "sequence", ()))


@each_format
def test_a_record_that_never_ends_is_refused(written, monkeypatch, read, name, record):
    monkeypatch.setattr(readers, "LONGEST_RECORD", 1 << 20)
    with pytest.raises(DataError, match="a record of over 1 MiB"):
        list(read(written(name, record.removesuffix("//\n") + ("A" * 80 + "\n") * 20_000), None, ()))


@each_format
def test_rows_come_while_the_file_is_read(tmp_path, read, name, record):
    path = tmp_path / name
    path.write_text(record.replace("\udcfc", "u") + "x" * (3 << 20), encoding="utf-8")
    assert next(read(path, None, ())) == Row(1, SEQUENCE)


def test_nucleotides_are_no_protein(written):
    stated = GENBANK.replace("12 aa  ", "12 bp  DNA").replace("mktaykqrst lm", "acgtacgtac gt")
    unstated = stated.replace("12 bp", "12   ")
    rows = list(read_genbank(written("a.gb", stated + unstated), None, ()))
    assert rows[0].reason == NUCLEOTIDES
    assert isinstance(rows[1], RejectedRow)


def test_a_record_without_sequence_is_set_aside(written):
    without = GENBANK.partition("ORIGIN")[0] + "ORIGIN\n//\n"
    rows = list(read_genbank(written("a.gbk", without), None, ()))
    assert [row.reason for row in rows] == [NO_SEQUENCE]
    bare = "".join(line for line in UNIPROT.splitlines(True) if not line.startswith("  "))
    rows = list(read_uniprot(written("a.swiss", bare), None, ()))
    assert [row.reason for row in rows] == [NO_SEQUENCE]


def test_biopython_prints_no_warning(written, recwarn):
    list(read_genbank(written("a.gp", GENBANK.replace("12 aa", "15 aa")), None, ()))
    assert not recwarn.list
