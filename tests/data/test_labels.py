"""Labels of rows of text: numbers, class names, symbols."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.data.batching.batches import collate
from sma_core.data.labels import ClassLabelParser, build_label_parser, class_order, to_number
from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import PrepareRequest
from sma_core.data.readers.csv import read_csv
from sma_core.data.records import Row
from sma_core.data.store.store import Store
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.errors import DataError

NAN = float("nan")


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["b", "a", "b"], ("a", "b")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["1.5", "0.5"], ("0.5", "1.5")),
    ],
)
def test_classes_are_in_numeric_order_when_all_are_whole_numbers(names, order):
    assert class_order(names) == order


def test_class_names_go_on_being_numbered_from_chunk_to_chunk():
    labels = build_label_parser(("y",), "classes")
    first = labels.read([Row(1, "a", ("two",)), Row(2, "b", ("NA",))])
    second = labels.read([Row(3, "c", ("one",)), Row(4, "d", ("two",))])
    assert first.targets.tolist() == [[0.0]]
    assert [(row.number, row.reason) for row in first.unusable] == [(2, "no target: y is missing")]
    assert second.targets.tolist() == [[1.0], [0.0]]
    assert labels.classes == ["two", "one"]


@pytest.mark.parametrize("text", ["abc", "äbc", "a漢c", "🙂", "\u0301x"])
def test_every_character_has_one_first_byte(text):
    starts = ByteTokenizer().character_starts([text, text])
    assert starts.sum() == 2 * len(text)
    assert not starts[ByteTokenizer().encode([text, text]).offsets[1:] - 1].any()


@pytest.fixture
def labelled(tmp_path):
    def make(content: str, **settings) -> Store:
        source = tmp_path / "a.csv"
        source.write_text(content, encoding="utf-8")
        request = PrepareRequest(
            source=source,
            reader=read_csv,
            reader_name="csv",
            tokenizer=settings.pop("tokenizer", ByteTokenizer()),
            cache=tmp_path / "cache",
            column="text",
            targets=("y",),
            label_form="symbols",
            **{"max_length": 8} | settings,
        )
        return prepare(request).open()

    return make


def test_symbols_stand_at_the_first_bytes_of_their_characters(labelled):
    store = labelled("text,y,m\nabc,HCH,110\nbäc,CCE,111\n", position_mask="m")
    assert store.classes == ("C", "E", "H")
    batch = collate(store, [np.array([0]), np.array([1])])
    expected = [[2, 0, NAN, NAN, NAN, NAN, NAN, NAN], [0, 0, NAN, 1, NAN, NAN, NAN, NAN]]
    np.testing.assert_array_equal(batch.labels.numpy(), np.array(expected, np.float32))
    assert batch.labels.shape == batch.inputs.shape
    assert store.targets is None


def test_symbols_are_cut_with_their_row(labelled):
    store = labelled("text,y\nabcdefghij,CCCCCCCCCC\n")
    batch = collate(store, [np.array([0])])
    np.testing.assert_array_equal(batch.labels.numpy(), np.array([[0] * 7 + [NAN]], np.float32))


def test_symbols_need_a_tokenizer_that_knows_characters(labelled):
    class Other:
        name, version, vocabulary_size = "other", "1", 262
        pad_id, separator_id, mask_id = 0, 5, None

        def encode(self, texts):
            return ByteTokenizer().encode(texts)

        def decode(self, ids):
            return ByteTokenizer().decode(ids)

    with pytest.raises(DataError, match="tokenizer 'other' cannot tell where characters begin"):
        labelled("text,y\nabc,CCC\n", tokenizer=Other())


@pytest.mark.parametrize("cell", ["", "nan", "NaN", "NA", "N/A", "null", "None", "?"])
def test_cells_that_mean_a_missing_number(cell):
    number = to_number(cell)
    assert number is not None
    assert np.isnan(number)


def test_none_may_be_the_name_of_a_class_but_na_may_not():
    rows = [Row(1, "a", ("None",)), Row(2, "b", ("NA",)), Row(3, "c", ("high",))]
    parsed = ClassLabelParser("level").read(rows)
    assert [row.number for row in parsed.rows] == [1, 3]
    assert [row.number for row in parsed.unusable] == [2]
