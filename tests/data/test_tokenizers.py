"""The byte tokenizer agrees with recorded ids of the authors' one."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sma_core.data.tokenizers import ByteTokenizer, DiscreteTokenizer, select, shorten, text_of_ids

RECORDED = json.loads((Path(__file__).parent / "tokenizer.json").read_text(encoding="utf-8"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def test_it_is_a_discrete_tokenizer():
    assert isinstance(ByteTokenizer(), DiscreteTokenizer)


def test_ids_are_the_recorded_ones():
    singles = RECORDED["singles"]
    encoded = ByteTokenizer().encode([single["text"] for single in singles])
    assert [encoded[i].tolist() for i in range(len(encoded))] == [single["input_ids"] for single in singles]
    assert encoded.values.dtype == np.uint16


def test_pairs_are_rows_joined():
    pair = RECORDED["pair"][0]
    assert ByteTokenizer().encode([pair["a"], pair["b"]]).values.tolist() == pair["input_ids"]


def test_shortened_rows_keep_their_separator_as_recorded():
    case = RECORDED["truncated"]
    encoded = shorten(ByteTokenizer().encode([case["text"], "C"]), case["max_length"], 5)
    assert encoded[0].tolist() == case["input_ids"]
    assert encoded[1].tolist() == [73, 5]


def test_texts_come_back_as_recorded():
    for case in RECORDED["decoded"]:
        assert ByteTokenizer().decode(case["ids"], keep_special=True) == case["decoded"]
        assert ByteTokenizer().decode(case["ids"]) == case["decoded_skip_special"]


@given(st.lists(TEXTS, max_size=8))
def test_every_text_survives_the_round_trip(texts):
    tokenizer = ByteTokenizer()
    encoded = tokenizer.encode(texts)
    assert len(encoded) == len(texts)
    assert [tokenizer.decode(encoded[i]) for i in range(len(texts))] == texts
    assert encoded.lengths.tolist() == [len(text.encode()) + 1 for text in texts]


@given(st.lists(TEXTS, min_size=1, max_size=8), st.integers(1, 12), st.data())
def test_shorten_and_select_agree_with_the_plain_way(texts, longest, data):
    encoded = ByteTokenizer().encode(texts)
    short = shorten(encoded, longest, 5)
    for i in range(len(texts)):
        ids = encoded[i].tolist()
        assert short[i].tolist() == (ids if len(ids) <= longest else [*ids[: longest - 1], 5])
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1)))
    taken = select(encoded, np.array(rows, dtype=np.int64))
    assert [taken[i].tolist() for i in range(len(rows))] == [encoded[row].tolist() for row in rows]


def test_an_index_out_of_range_is_an_error():
    with pytest.raises(IndexError):
        ByteTokenizer().encode(["C"])[1]


@given(TEXTS.filter(lambda text: "\ufffd" not in text))  # it stands for bytes that are no character yet
def test_pieces_end_to_end_are_the_text_and_a_character_stands_at_its_last_byte(text):
    found = text_of_ids(ByteTokenizer(), ByteTokenizer().encode([text])[0])
    assert found == (*(piece for letter in text for piece in [""] * (len(letter.encode()) - 1) + [letter]), "")


def test_pieces_of_a_tokenizer_of_words_hold_what_each_id_adds():
    class Words:
        def decode(self, ids):
            return " ".join(["", "self", "guided", "mask"][each] for each in ids).strip()

    assert text_of_ids(Words(), np.array([1, 2, 3, 0])) == ("self", " guided", " mask", "")
