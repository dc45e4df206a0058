"""Readers of ``.ts`` files and long tables."""

from __future__ import annotations

import numpy as np
import pytest

import sma_core
from sma_core.data.blocks import Block
from sma_core.data.plugin_code import read
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError
from sma_series.readers import long
from sma_series.readers.long import read_long
from sma_series.readers.ts import read_ts

HEADER = "# made by hand\n@problemName hand\n@timeStamps false\n@classLabel true a b\n@data\n"
ROWS = "1,2,3:4,5,6:a\n1.5,?:2.5,NaN:b\n\n1:2:3:a\n1,x:2,3:b\n1,2:3:a\n1,inf:2,3:a\n"


def rows_of(reader, path, text, fields=(), columns=(), **options):
    path.write_text(text)
    records = list(read(reader, Block, path, columns, fields, **options))
    blocks = [record for record in records if isinstance(record, Block)]
    return blocks, [(row.number, row.reason) for row in records if isinstance(row, RejectedRow)]


def test_rows_of_a_ts_file(tmp_path):
    (block,), rejected = rows_of(read_ts, tmp_path / "a.ts", HEADER + ROWS, ("label",))
    assert block.numbers.tolist() == [1, 2]
    assert block.names(()) == ("0", "1")
    np.testing.assert_array_equal(block.sequences[0], [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(block.sequences[1], np.array([[1.5, 2.5], [np.nan, np.nan]], dtype=np.float32))
    assert block.fields[0].tolist() == ["a", "b"]
    assert rejected == [
        (3, "wrong number of channels: 3 instead of 2"),
        (4, "not a number: 'x'"),
        (5, "channels of different lengths: 1 and 2"),
        (6, "not a finite float32 number: 0 of position 2 is inf"),
    ]


def test_channels_of_a_ts_file_are_named_and_chosen(tmp_path):
    options = {"columns": ("v",), "names": ("u", "v")}
    (block,), _ = rows_of(read_ts, tmp_path / "a.ts", HEADER + "1,2:4,5:a\n", **options)
    assert block.names(()) == ("v",)
    assert block.sequences[0].tolist() == [[4], [5]]


def test_targets_of_a_ts_file_are_numbers_and_a_file_may_have_none(tmp_path):
    text = "@timestamps false\n@targetlabel true\n@data\n1,2:0.5\n3:2e3\n"
    (block,), _ = rows_of(read_ts, tmp_path / "a.ts", text, ("label",))
    assert block.fields[0].tolist() == [0.5, 2000]
    text = "@timestamps false\n@classlabel false\n@data\n1,2:3,4\n"
    (block,), _ = rows_of(read_ts, tmp_path / "b.ts", text)
    assert block.sequences[0].tolist() == [[1, 3], [2, 4]]
    with pytest.raises(DataError, match="has no column 'label'"):
        rows_of(read_ts, tmp_path / "b.ts", text, ("label",))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1,2:a\n", "does not begin with @ before @data: '1,2:a'"),
        ("@classLabel true a\n", "has no line @data"),
        ("@timeStamps true\n@data\n(0,1):a\n", "has time stamps, which are not read"),
        (HEADER, "no rows"),
    ],
)
def test_a_ts_file_that_cannot_be_read_is_one_sentence(tmp_path, text, sentence):
    with pytest.raises(DataError, match=sentence):
        rows_of(read_ts, tmp_path / "a.ts", text)


def joined(parts) -> list:
    return [value for part in parts for value in part.tolist()]


LONG = "series,time,x,kind,z\na,0,1,up,5\na,1,2,up,\nb,0,3,down,7\nc,4,4,up,8\nc,5,5,up,9\nc,6.5,6,up,?\n"


def test_lines_of_one_name_are_a_series(tmp_path):
    blocks, rejected = rows_of(read_long, tmp_path / "a.csv", LONG, ("kind", "series"))
    assert rejected == []
    assert {block.names(()) for block in blocks} == {("x", "z")}
    assert joined(block.sequences.lengths for block in blocks) == [2, 1, 3]
    np.testing.assert_array_equal(blocks[0].sequences[0], np.array([[1, 5], [2, np.nan]], dtype=np.float32))
    assert joined(block.fields[0] for block in blocks) == ["up", "down", "up"]
    assert joined(block.fields[1] for block in blocks) == ["a", "b", "c"]
    assert joined(block.numbers for block in blocks) == [1, 2, 3]


def test_series_go_on_over_the_blocks_of_a_file(tmp_path, monkeypatch):
    def small(path, columns, fields, **options):
        for record in long_table(path, columns, fields, **options):
            yield from (record.take(np.array([line])) for line in range(len(record)))

    long_table = long.read_table
    monkeypatch.setattr(long, "read_table", small)
    blocks, _ = rows_of(read_long, tmp_path / "a.csv", LONG, ("kind",))
    assert [block.sequences.lengths.tolist() for block in blocks] == [[2], [1], [3]]
    assert [block.numbers.tolist() for block in blocks] == [[1], [2], [3]]


def test_columns_are_chosen_and_a_time_is_not_needed(tmp_path):
    text = "z;id;x\n1;7;2\n3;7;4\n5;8;6\n"
    blocks, _ = rows_of(read_long, tmp_path / "a.csv", text, columns=("x",), delimiter=";")
    assert {block.names(()) for block in blocks} == {("x",)}
    assert [block.sequences[row].tolist() for block in blocks for row in range(len(block))] == [[[2], [4]], [[6]]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time,x\n0,1\n", "no column that names the series of each line; name it series"),
        ("t0,t1\n0,1\n", r"if each line is a whole series .*, read the file as a table \(data.reader=table\)"),
        ("id,time,x\na,03/04/2024,1\na,04/04/2024,2\n", "row 1: it is not known .* '03/04/2024' .* day or month"),
        ("id,time,x\na,30/01/2024,1\na,01/02/2024,2\n", "write numbers, or dates like 2024-04-03"),
        ("id,time,x\na,9:58,1\na,10:02,2\n", "row 1: it is not known in which order the time '9:58' is written"),
        ("id,x\na,1\na,oops\n", "if x is no channel, leave it out with `data.exclude=x`, or name the channels"),
        ("id,x\na,1\nb,2\na,3\n", "row 3: the series a goes on after another one"),
        ("id,t,x\na,1,1\na,0,2\n", "row 2: the time, 0.0, is not after that of the line before: sort"),
        ("id,t,x\na,2024-01-02,1\na,2024-01-01,2\n", "row 2: the time, 2024-01-01, is not after"),
        ("id,t,x\na,1,1\na,1,2\n", "row 2: the time, 1.0, is the same as that of the line before: leave one"),
        ("id,kind,x\na,u,1\na,v,2\n", r"row 2: kind differs within a series \(u and v\)"),
        ("id,x\na,1\na,oops\n", "row 2: not a number: x is 'oops'; a series cannot be used without it"),
        ("id,x\na,1\n,2\n", "row 2: the series has no name"),
        ("id,case,x\n1,a,1\n2,a,2\n", "several columns that may name the series of each line: id, case"),
    ],
)
def test_a_long_table_that_cannot_be_read_is_one_sentence(tmp_path, text, sentence):
    fields = ("kind",) if "kind" in text else ()
    with pytest.raises(DataError, match=sentence):
        rows_of(read_long, tmp_path / "a.csv", text, fields)


def test_an_excluded_column_may_vary_within_a_series(tmp_path):
    text = "ID,Time,note,x\na,0,up,1\na,1,down,2\nb,0,up,3\n"
    blocks, _ = rows_of(read_long, tmp_path / "a.csv", text, exclude=("note", "ID"))
    assert {block.names(()) for block in blocks} == {("x",)}
    assert joined(block.sequences.lengths for block in blocks) == [2, 1]
    with pytest.raises(DataError, match=r"no column 'Note'.*did you mean 'note'"):
        rows_of(read_long, tmp_path / "a.csv", text, exclude=("Note",))
    with pytest.raises(DataError, match="note differs within a series"):
        rows_of(read_long, tmp_path / "a.csv", text, ("note",))


def test_times_in_an_unknown_order_are_read_as_they_stand_if_excluded_or_channels_are_named(tmp_path):
    text = "id,time,x\na,30/01/2024,1\na,01/02/2024,2\n"
    for options in ({"exclude": ("time",)}, {"columns": ("x",)}):
        (block,), _ = rows_of(read_long, tmp_path / "a.csv", text, **options)
        assert block.sequences[0].tolist() == [[1], [2]]


@pytest.mark.parametrize(
    "times", [("2024-04-03", "2024-05-01"), ("2024/04/03 08:00", "2024/04/03 09:00"), ("09:58", "10:02")]
)
def test_dates_with_the_year_first_and_times_of_day_ascend(tmp_path, times):
    lines = [f"a,{times[0]},1\n", f"a,{times[1]},2\n"]
    (block,), _ = rows_of(read_long, tmp_path / "a.csv", "".join(["id,time,x\n", *lines]))
    assert block.sequences[0].tolist() == [[1], [2]]
    with pytest.raises(DataError, match=r"row 2: the time, .*, is not after"):
        rows_of(read_long, tmp_path / "a.csv", "".join(["id,time,x\n", *reversed(lines)]))


def test_names_with_leading_zeros_are_names_and_other_columns_are_channels(tmp_path):
    text = "id,T,position,x\n07,1,1,1\n7,2,2,2\n7,3,3,3\n"
    blocks, _ = rows_of(read_long, tmp_path / "a.csv", text, ("id",))
    assert joined(block.fields[0] for block in blocks) == ["07", "7"]
    assert {block.names(()) for block in blocks} == {("T", "position", "x")}


def test_blocks_with_names_of_numbers_and_of_letters_are_joined(tmp_path, monkeypatch):
    def small(path, columns, fields, **options):
        for line in range(4):
            ids = [np.array([7.0]), np.array(["7"], dtype=object), np.array([8.0]), np.array(["b"], dtype=object)]
            yield Block(np.array([line + 1]), np.array([[line]], dtype=np.float32), (ids[line],), ("x",))

    monkeypatch.setattr(long, "read_table", small)
    blocks, _ = rows_of(read_long, tmp_path / "a.csv", "id,x\n7,0\n", ())
    assert joined(block.sequences.lengths for block in blocks) == [2, 1, 1]


def test_classes_of_a_ts_file_are_those_of_its_header_and_utf8(tmp_path):
    (tmp_path / "a.ts").write_bytes(HEADER.encode() + b"1:2:a\n1:2:\xe9\n1:2:ga\n")
    records = list(read(read_ts, Block, tmp_path / "a.ts", (), ("label",)))
    assert [(row.number, row.reason) for row in records if isinstance(row, RejectedRow)] == [
        (2, "not valid UTF-8"),
        (3, "class not in the header: 'ga'"),
    ]


def test_an_excluded_channel_of_a_ts_file_is_not_read(tmp_path):
    options = {"names": ("u", "v"), "fields": ("label",)}
    (block,), _ = rows_of(read_ts, tmp_path / "a.ts", HEADER + "1,2:4,5:a\n", exclude=("u",), **options)
    assert block.names(()) == ("v",)
    assert block.sequences[0].tolist() == [[4], [5]]
    assert block.texts() == [["a"]]
    with pytest.raises(DataError, match="none is left"):
        rows_of(read_ts, tmp_path / "a.ts", HEADER + "1,2:4,5:a\n", exclude=("u", "v"), **options)


def test_rows_that_cannot_be_used_are_not_no_rows(tmp_path):
    head = "@problemName t\n@timeStamps false\n@univariate false\n@classLabel true A B\n@data\n"
    (tmp_path / "bad.ts").write_text(head + "1,2,x:4,5,6:A\n1,2:3,4:C\n")
    reasons = [row.reason for row in read_ts(tmp_path / "bad.ts", (), ())]
    assert reasons == ["not a number: 'x'", "class not in the header: 'C'"]
    (tmp_path / "empty.ts").write_text(head)
    with pytest.raises(DataError, match="holds no rows"):
        list(read_ts(tmp_path / "empty.ts", (), ()))


@pytest.mark.parametrize("window_overlap", [None, 1])
def test_a_file_without_a_usable_row_is_predicted_with_reasons(tmp_path, window_overlap):
    head = "@problemName t\n@timeStamps false\n@univariate false\n@classLabel true A B\n@data\n"
    good = "".join(f"{i},2,{i % 3}:4,{i},6:{'AB'[i % 2]}\n" for i in range(40))
    (tmp_path / "good.ts").write_text(head + good)
    (tmp_path / "bad.ts").write_text(head + "1,2,x:4,5,6:A\n1,2:3,4:C\n")
    settings = {"training.epochs": 1.0, "baselines": False, "targets": ["label"], "model.max_length": 8}
    run = sma_core.finetune("series", data=tmp_path / "good.ts", settings=settings, out=tmp_path / "run").run
    options = {"window_overlap": window_overlap, "out": tmp_path / "out.jsonl"}
    result = sma_core.predict(run, tmp_path / "bad.ts", **options)
    assert (result.rows, result.unusable) == (2, 2)
    assert "not a number: 'x'" in (tmp_path / "out.jsonl").read_text()
    result = sma_core.embed(run, tmp_path / "bad.ts", out=tmp_path / "out.npy")
    assert np.isnan(np.load(tmp_path / "out.npy")).all()
