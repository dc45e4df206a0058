"""The reader of Stockholm alignments."""

import pytest

from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError
from sma_protein.readers.stockholm import CUT_OFF, read_stockholm

FIRST = """# STOCKHOLM 1.0
#=GF ID   One
#=GF AU   M\udcfcller
#=GS P1/1-5 AC P1.1

P1/1-5         MK..tay-
#=GR P1/1-5 SS HHHH
P2/2-9         MKACDEFG
#=GC SS_cons   HHHHHHHH
//
"""
BLOCKS = """# STOCKHOLM 1.0
P1  MK-
P2  ACD

P1  TA.
P2\tEFG
//
"""


def test_each_row_gives_a_sequence_without_gaps(written):
    path = written("a.sto", FIRST)
    assert list(read_stockholm(path, None, ())) == [Row(1, "MKTAY"), Row(2, "MKACDEFG")]


def test_several_alignments_follow_each_other_also_in_blocks(written):
    path = written("a.stockholm", FIRST + BLOCKS + "\n" + FIRST.replace("\n", "\r\n"))
    rows = list(read_stockholm(path, None, ()))
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.text for row in rows] == ["MKTAY", "MKACDEFG", "MKTA", "ACDEFG", "MKTAY", "MKACDEFG"]


def test_bad_rows_are_set_aside(written):
    path = written("a.sto", "# STOCKHOLM 1.0\nP1 ----\nP2 MKAC\nP3 MK\udcffC\nP4 MKA\nP5\n//\n")
    assert list(read_stockholm(path, None, ())) == [
        RejectedRow(1, "empty"),
        Row(2, "MKAC"),
        RejectedRow(3, "not valid UTF-8", "MK\ufffdC"),
        RejectedRow(4, "row width differs from the alignment: 3 columns instead of 4", "MKA"),
        RejectedRow(5, "row width differs from the alignment: 0 columns instead of 4"),
    ]


def test_rows_of_a_cut_off_alignment_are_set_aside(written):
    cut = BLOCKS.removesuffix("//\n")
    path = written("a.sto", FIRST + cut)
    rows = list(read_stockholm(path, None, ()))
    assert rows[:2] == [Row(1, "MKTAY"), Row(2, "MKACDEFG")]
    assert rows[2:] == [RejectedRow(3, CUT_OFF, "MKTA"), RejectedRow(4, CUT_OFF, "ACDEFG")]
    again = list(read_stockholm(written("b.sto", cut + FIRST), None, ()))
    assert [isinstance(row, Row) for row in again] == [False, False, True, True]


@pytest.mark.parametrize("content", ["", "\n", "# STOCKHOLM 1.0\n//\n", "# STOCKHOLM 1.0\n#=GF ID One\n"])
def test_nothing_to_read_is_said(written, content):
    with pytest.raises(DataError, match="holds no rows"):
        list(read_stockholm(written("a.sto", content), None, ()))


def test_another_format_is_refused(written):
    with pytest.raises(DataError, match="is not a Stockholm file: its first line must be"):
        list(read_stockholm(written("a.sto", ">one\nMK\n"), None, ()))


def test_stockholm_files_have_no_columns(written):
    with pytest.raises(DataError, match="has no columns"):
        list(read_stockholm(written("a.sto", FIRST), None, ("label",)))


def test_rows_come_while_the_file_is_read(tmp_path):
    path = tmp_path / "a.sto"
    path.write_text(BLOCKS + "# STOCKHOLM 1.0\n" + "x" * (3 << 20), encoding="utf-8")
    rows = read_stockholm(path, None, ())
    assert next(rows) == Row(1, "MKTA")
