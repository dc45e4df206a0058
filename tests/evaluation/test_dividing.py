"""Splits."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.errors import DataError
from sma_core.evaluation.splits import check_split, random_split


def test_the_random_split_covers_all_rows_once_and_follows_its_seed():
    texts = [str(number) for number in range(103)]
    first, again, other = (random_split(texts, 0.1, 0.2, seed) for seed in (1, 1, 2))
    assert [len(part) for part in first] == [72, 10, 21]
    assert sorted(np.concatenate(first)) == list(range(103))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[2], other[2])


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (([0, 1], [], [2]), "leaves no row for validation"),
        (([0, 1], [1], [2]), "a row twice"),
        (([0, 1], [3], [9]), "does not exist"),
    ],
)
def test_a_bad_split_is_refused(parts, sentence):
    arrays = tuple(np.array(part, dtype=np.int64) for part in parts)
    with pytest.raises(DataError, match=sentence):
        check_split(arrays, 4, "mine")
