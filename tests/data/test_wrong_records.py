"""Rows, blocks and ids that a plugin gives wrongly are one sentence; lists are taken where arrays are expected."""

from pathlib import Path

import numpy as np
import pytest

from sma_core.data.blocks import Block
from sma_core.data.plugin_code import encode, read_blocks, read_texts
from sma_core.data.records import RejectedRow, Row
from sma_core.data.tokenizers import ByteTokenizer, EncodedRows, text_of
from sma_core.errors import PluginError

FILE = Path("rows.own")
TABLE = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
NUMBERS = np.arange(1, 4)
OFFSETS = np.array([0, 1, 3])


def block(numbers=NUMBERS, values=TABLE, fields=(), columns=("x", "y"), offsets=None, written=()):
    return Block(numbers, values, fields, columns, offsets, written)


def sequences(numbers=NUMBERS[:2], values=TABLE, fields=(), columns=("x", "y"), offsets=OFFSETS, grid=()):
    return Block(numbers, values, fields, columns, offsets, grid=grid)


def blocks_of(*records, fields=()):
    """Read what a reader of blocks yields."""

    def read(path, columns, fields, *, names=()):
        yield from records

    return list(read_blocks(read, FILE, (), fields))


def texts_of(*records, fields=()):
    """Read what a reader of text yields."""

    def read(path, column, fields, *, usual=()):
        yield from records

    return list(read_texts(read, FILE, None, fields))


LATER = NUMBERS + 3
WRONG_BLOCKS = [
    ([block(numbers=NUMBERS - 1)], "a block with the row number 0, where rows are numbered from 1"),
    ([block(numbers=NUMBERS * 0 + 1)], "a block with the row number 1 out of order, where numbers ascend"),
    ([block(numbers=NUMBERS[::-1])], "the row number 2 out of order"),
    (
        [block(), block()],
        "the row number 1 out of order, where numbers ascend and no row is given twice, after row 3",
    ),
    ([block(numbers=NUMBERS[:2])], "3 rows of values, but 2 row numbers"),
    ([block(numbers=NUMBERS.astype(float))], "row numbers of type float64 and shape (3,), where an array (n,)"),
    ([block(numbers=["1", "2", "3"])], "row numbers of type list, where an array (n,) of integers"),
    ([block(columns=("x", "x"))], "the column 'x' twice, where names differ"),
    ([block(columns=(0, 1))], "columns that are not a tuple of str: (0, 1)"),
    ([block(columns="xy")], "columns that are not a tuple of str: 'xy'"),
    ([block(columns=("x",))], "1 name for 2 columns"),
    ([block(written=(["1"],))], "1 cell in a further column, but 3 rows"),
    ([block(fields=(NUMBERS,))], "1 further column, where 0 are requested as fields"),
    ([sequences(offsets=[0, 1])], "offsets that are not 3 integers from 0 to 3"),
    ([sequences(offsets=[0.0, 1.0, 3.0])], "offsets that are not 3 integers from 0 to 3"),
    ([sequences(grid=(0,))], "a grid that is not a tuple of whole numbers from 1: (0,)"),
    (
        [sequences(grid=(3,)), sequences(LATER[:2], grid=(1, 1))],
        "a block with 2 positions in row 5, where the grid (1, 1) holds 1, after row 2",
    ),
    ([Block(NUMBERS, TABLE, grid=(1,))], "a block with 2 positions in row 1, where the grid (1,) holds 1"),
    ([sequences(), block(LATER)], "rows that are a table, where the blocks before have sequences, after row 2"),
    ([block(), sequences(LATER[:2])], "rows that are sequences, where the blocks before have a table"),
    (
        [sequences(), sequences(LATER[:2], np.ones((3, 3), "f4"), columns=("x", "y", "z"))],
        "a block with 3 columns, where the blocks before have 2, after row 2",
    ),
    ([block(), block(LATER, columns=("y", "x"))], "the columns y, x, where the blocks before have x, y"),
    ([block(), RejectedRow(3, "late")], "a RejectedRow with the number 3, where numbers ascend"),
    ([RejectedRow(3, "a"), RejectedRow(3, "b")], "a RejectedRow with the number 3"),
    ([RejectedRow(2, "a"), block()], "a block with the row 2, which was given as a RejectedRow before"),
    ([RejectedRow(1, None)], "a RejectedRow whose reason is NoneType instead of str, in row 1"),
    (["a bad row"], "must yield Block or RejectedRow, not str, after row 0"),
]


@pytest.mark.parametrize(("records", "sentence"), WRONG_BLOCKS)
def test_a_wrong_block_is_a_sentence(records, sentence):
    with pytest.raises(PluginError) as raised:
        blocks_of(*records)
    assert sentence in str(raised.value)
    assert f"the reader {__name__}:blocks_of.<locals>.read " in str(raised.value)
    assert f"{FILE}" in str(raised.value)


def test_fields_that_were_asked_for_are_not_left_out():
    with pytest.raises(PluginError, match=r"0 further columns, where 1 is requested as fields, after row 0"):
        blocks_of(block(), fields=("label",))


def test_a_reader_that_returns_nothing_is_a_sentence():
    with pytest.raises(PluginError, match=r"must yield Block or RejectedRow, but returned NoneType"):
        list(read_blocks(lambda path, columns, fields, names=(): None, FILE, (), ()))


def test_right_blocks_are_read_as_they_are():
    rejected = [RejectedRow(5, "bad"), RejectedRow(4, "bad"), RejectedRow(9, "bad")]
    later = block(np.array([6, 7, 8]))
    assert blocks_of(block(), *rejected, later)[1:4] == rejected


def test_rows_may_have_fewer_positions_than_their_grid():
    (read,) = blocks_of(sequences(grid=(3, 1)))
    assert read.grid == (3, 1)


def test_lists_of_offsets_and_row_numbers_become_arrays():
    (read,) = blocks_of(sequences(numbers=[1, 2], offsets=[0, 1, 3], columns=["x", "y"]))
    assert (read.numbers.dtype, read.offsets.dtype, read.columns) == (np.int64, np.int64, ("x", "y"))
    assert read.sequences[1].tolist() == [[3, 4], [5, 6]]


@pytest.mark.parametrize("kind", ["f4", "f8", "f2"])
def test_rows_with_an_infinite_number_are_rejected_with_a_reason(kind):
    values = TABLE.astype(kind)
    values[1, 1] = np.inf
    rejected, table = blocks_of(block(values=values))
    assert (rejected.number, rejected.reason) == (2, "not a finite float32 number: y is inf")
    assert table.numbers.tolist() == [1, 3]
    rejected, kept = blocks_of(sequences(values=values))
    assert (rejected.number, rejected.reason) == (2, "not a finite float32 number: y of position 1 is inf")
    assert kept.numbers.tolist() == [1]


def test_a_number_beyond_float32_is_infinite():
    rejected, _ = blocks_of(block(values=np.array([[1.0, 2.0], [1e300, 2.0], [0.0, 0.0]])))
    assert (rejected.number, rejected.reason) == (2, "not a finite float32 number: x is inf")


WRONG_ROWS = [
    ([Row("a", "b")], "a Row with the number 'a', where a whole number is expected"),
    ([Row(0, "b")], "a Row with the number 0, where rows are numbered from 1"),
    (
        [Row(1, "b"), Row(1, "b")],
        "a Row with the number 1, where numbers ascend and no row is given twice, after row 1",
    ),
    ([Row(5, "b"), Row(3, "b")], "a Row with the number 3, where numbers ascend"),
    ([Row(1, "b"), RejectedRow(1, "c")], "a RejectedRow with the number 1, where numbers ascend"),
    ([Row(1, None)], "a Row whose text is NoneType instead of str, in row 1"),
    ([Row(1, b"b")], "a Row whose text is bytes instead of str, in row 1"),
    ([Row(1, "b", (3,))], "a Row whose fields are not a tuple of str, in row 1"),
    ([Row(1, "b", ("c",))], "1 further column, where 0 are requested as fields, in row 1"),
]


@pytest.mark.parametrize(("records", "sentence"), WRONG_ROWS)
def test_a_wrong_row_is_a_sentence(records, sentence):
    with pytest.raises(PluginError) as raised:
        texts_of(*records)
    assert sentence in str(raised.value)


def test_right_rows_are_read_as_they_are():
    records = [Row(1, "a", ("x",)), RejectedRow(2, "bad"), Row(np.int64(4), "b", ("y",))]
    assert texts_of(*records, fields=("label",)) == records


class Own(ByteTokenizer):
    """Gives ``rows``."""

    name = "own"

    def __init__(self, rows):
        self.rows = rows

    def encode(self, texts):
        return self.rows

    def decode(self, ids):
        return self.rows


@pytest.mark.parametrize(
    "rows",
    [
        [[7, 5], [8, 9, 5]],
        [(7, 5), np.array([8, 9, 5])],
        EncodedRows([7, 5, 8, 9, 5], [0, 2, 5]),
        EncodedRows(np.array([7, 5, 8, 9, 5]), np.array([0, 2, 5], dtype=np.int32)),
    ],
)
def test_a_tokenizer_may_give_lists(rows):
    encoded = encode(Own(rows), ["a", "bc"], [1, 2])
    assert (encoded.values.dtype, encoded.offsets.dtype) == (np.uint16, np.int64)
    assert [encoded[0].tolist(), encoded[1].tolist()] == [[7, 5], [8, 9, 5]]


def test_no_texts_may_be_an_empty_list():
    encoded = encode(Own([]), [], [])
    assert (encoded.values.tolist(), encoded.offsets.tolist()) == ([], [0])


WRONG_IDS = [
    (None, "must return EncodedRows, or a list with the ids of each row, not NoneType"),
    ((np.array([7, 5, 8, 5]), np.array([0, 2, 4])), "not tuple"),
    ([[7, 5]], "returned 1 row for 2 rows"),
    ([[7, 5], None], "a list of ids for each row, whole numbers, not None for row 4, 'bc'"),
    ([[7, 5], [8.5, 5]], "whole numbers, not 8.5 for row 4, 'bc'"),
    ([[7, 5], ["8", 5]], "whole numbers, not '8' for row 4, 'bc'"),
    ([[7, 5], [True, 5]], "whole numbers, not True for row 4, 'bc'"),
    ([[7, 5], np.array([8.0, 5.0])], "whole numbers, not array([8., 5.]) for row 4, 'bc'"),
    ([[7, 5], []], "must end the ids of every row with its separator_id, 5, also those of row 4, 'bc'"),
    ([[7, 5], [8, 9]], "must end the ids of every row with its separator_id, 5, also those of row 4, 'bc'"),
    ([[7, 5], [0, 5]], "gave its pad_id, 0, inside row 4, 'bc'"),
    ([[7, 5], [8, 3, 5]], "gave its mask_id, 3, inside row 4, 'bc'"),
    ([[7, 5], [300, 5]], "gave the id 300 for row 4, 'bc'; ids must be from 0 to 261"),
    ([[7, 5], [-1, 5]], "gave the id -1 for row 4, 'bc'"),
    (
        EncodedRows(np.array([7.0, 5.0, 8.0, 5.0]), [0, 2, 4]),
        "EncodedRows whose values are integers in one dimension",
    ),
    (EncodedRows([7, 5, 8, 5], [0, 2.5, 4]), "EncodedRows whose offsets are integers in one dimension, not list"),
    (EncodedRows([7, 5, 8, 5], [0, 2, 3]), "offsets ascend from 0 to the number of ids, 4, not from 0 to 3"),
]


@pytest.mark.parametrize(("rows", "sentence"), WRONG_IDS)
def test_wrong_ids_are_a_sentence(rows, sentence):
    with pytest.raises(PluginError) as raised:
        encode(Own(rows), ["a", "bc"], [3, 4])
    assert sentence in str(raised.value)
    assert f"the tokenizer 'own' ({__name__}:Own) " in str(raised.value)


def test_a_decode_that_gives_no_text_is_a_sentence():
    with pytest.raises(PluginError, match=r"decode of the tokenizer .*:Own must return a str, not int"):
        text_of(Own(5), np.array([7, 5]))
