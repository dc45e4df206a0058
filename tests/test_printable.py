"""Counts are written with their nouns."""

from __future__ import annotations

import pytest

from sma_core.data.unusual_rows.truncation import truncation_note
from sma_core.labels.learnable import undefined_selection
from sma_core.printable import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1000, "1,000 rows")])
def test_one_is_singular(number, text):
    assert counted(number, "row") == text


def test_sentences_about_one_row_are_singular():
    assert truncation_note(1, 1, 8).startswith("1 of 1 row (100 %) are longer")
    assert truncation_note(2, 3, 8).startswith("2 of 3 rows (67 %) are longer")
    assert "on the 1 validation row, so" in undefined_selection("roc_auc", 1)
