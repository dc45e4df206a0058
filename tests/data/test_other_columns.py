"""Columns besides the features: their texts come back as they were, whatever they hold."""

import numpy as np
import pyarrow as pa
import pytest

from sma_core.data.readers.other_columns import array_column, arrow_column, column_texts, text_column


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (["5000000001", "7"], ["5000000001", "7"]),
        (["9007199254740993", "7"], ["9007199254740993", "7"]),
        (["0.1", "2.50"], ["0.1", "2.5"]),
        (["16777217", ""], ["16777217", ""]),
        (["s", "1"], ["s", "1"]),
    ],
)
def test_a_column_besides_the_features_keeps_its_texts(column, texts):
    cells = pa.array([cell or None for cell in column], pa.string())
    assert column_texts(arrow_column(cells)).tolist() == texts
    assert column_texts(text_column(column)).tolist() == texts


def test_whole_numbers_keep_their_digits():
    numbers = np.array([1000010020, 1000010030, 2**53 + 1], dtype=np.int64)
    assert column_texts(array_column(numbers)).tolist() == ["1000010020", "1000010030", "9007199254740993"]
    assert array_column(numbers[:1] % 2).dtype == np.float32
    assert array_column(np.array([b"ab"])).tolist() == ["ab"]
