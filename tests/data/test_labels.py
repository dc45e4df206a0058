"""Labels of rows of text: numbers, class names, symbols."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import torch

from sma_core.data.batching.batches import collate
from sma_core.data.labels import ClassLabelParser, build_label_parser, class_order, to_number
from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import PrepareRequest
from sma_core.data.readers.csv import read_csv
from sma_core.data.records import Row
from sma_core.data.store.format import KEY
from sma_core.data.store.store import Store
from sma_core.data.tokenizers import ByteTokenizer, EncodedRows
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

    with pytest.raises(DataError, match=r"tokenizer 'other' .* cannot tell where characters begin"):
        labelled("text,y\nabc,CCC\n", tokenizer=Other())


class WithoutCounts(ByteTokenizer):
    """Two letters are one id, of the second; a byte is one id in other places."""

    name = "pairs"

    def encode(self, texts):
        plain, counts = super().encode(texts), self._counts(texts)
        of_rows = EncodedRows(counts, plain.offsets)
        lengths = [np.count_nonzero(of_rows[row] >= 0) for row in range(len(texts))]
        return EncodedRows(plain.values[counts >= 0], np.cumsum([0, *lengths], dtype=np.int64))

    def _counts(self, texts):
        """Number of characters of each byte and separator; -1 for the first letter of two, which has no id."""
        counts = []
        for text in texts:
            counts += [-1, 2] * (len(text) // 2) + [1] * (len(text) % 2) + [0]
        return np.array(counts, dtype=np.int64)


class Pairs(WithoutCounts):
    def character_counts(self, texts):
        counts = self._counts(texts)
        return counts[counts >= 0]


def test_labels_of_characters_have_the_position_of_their_id(labelled):
    store = labelled("text,y,m\nabc,HCH,110\nabcde,CCEHH,11111\n", position_mask="m", tokenizer=Pairs())
    assert store.classes == ("C", "E", "H")
    assert len(store) == 2
    batch = collate(store, [np.array([1]), np.array([0])])
    assert store.lengths.tolist() == [3, 4]
    assert store.label_lengths.tolist() == [3, 5]
    none = [NAN] * 3
    np.testing.assert_array_equal(
        batch.labels.numpy(), np.array([[0, 0, 1, 2, 2, *none], [2, 0, NAN, NAN, NAN, *none]])
    )
    assert batch.owners.tolist() == [[0, 0, 1, 1, 2, -1, -1, -1], [0, 0, 1, -1, -1, -1, -1, -1]]
    assert batch.labelled.sum(dim=1).tolist() == [5, 3]
    vectors = torch.arange(2 * batch.inputs.shape[1] * 3.0).reshape(2, -1, 3).requires_grad_()
    moved = batch.at_labels(vectors)
    for row, character in ((0, 0), (0, 3), (0, 4), (1, 1), (1, 2)):
        assert torch.equal(moved[row, character], vectors[row, batch.owners[row, character]])
    moved[batch.labelled].sum().backward()
    assert vectors.grad[:, :4, 0].tolist() == [[2, 2, 1, 0], [2, 1, 0, 0]]


def test_labels_of_characters_are_cut_with_their_ids(labelled):
    store = labelled("text,y\nabcdefghij,CCCCEEEEHH\nab,CH\n", max_length=4, tokenizer=Pairs())
    assert store.lengths.tolist() == [4, 2]
    batch = collate(store, [np.array([0]), np.array([1])])
    assert batch.labels[0, :6].tolist() == [0, 0, 0, 0, 1, 1]
    assert batch.owners[:, :7].tolist() == [[0, 0, 1, 1, 2, 2, -1], [0, 0, -1, -1, -1, -1, -1]]


def test_only_labels_of_characters_change_the_format(labelled):
    with_counts = labelled("text,y\nabc,CHC\n", tokenizer=Pairs())
    assert version_of(with_counts) == 7
    assert version_of(labelled("text,y\nabc,CHC\n")) == 3
    plain = collate(labelled("text,y\nabc,CHC\n"), [np.array([0])])
    assert plain.owners is None
    assert plain.at_labels(plain.inputs) is plain.inputs


def version_of(store) -> int:
    return json.loads(pa.ipc.open_file(store.files[0].path).schema.metadata[KEY])["format_version"]


def test_rows_are_prepared_again_when_a_tokenizer_gets_counts(labelled):
    text = "text,y\na,C\nb,H\n"
    before, after = (labelled(text, tokenizer=tokenizer()) for tokenizer in (WithoutCounts, Pairs))
    assert (before.metadata.by_character, after.metadata.by_character) == (False, True)
    assert before.files[0].path != after.files[0].path
    with pytest.raises(DataError, match="differ in their by character: False in the first, True"):
        Store.open(before.files[0].path, after.files[0].path)


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
