"""Linear models on letters by position and on words."""

from __future__ import annotations

import numpy as np
import pytest

baselines = pytest.importorskip("sma_protein.baselines", reason="needs sma-protein[bench]")


def test_one_hot_has_a_column_for_each_position_and_letter():
    found = baselines.one_hot(["AC", "C*A", ""]).toarray()
    assert found.shape == (3, 3 * 26)
    assert {tuple(place) for place in np.argwhere(found)} == {(0, 0), (0, 26 + 2), (1, 2), (1, 52)}


def test_words_are_frequencies():
    found = baselines.words(["ACDACD", "ACD", "KKK"]).toarray()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-6)
    assert found[1].max() == 1.0


def sequences(draw: np.random.Generator, count: int) -> list[str]:
    return ["".join(draw.choice(list("ACDEFGHIKL"), 12)) for _ in range(count)]


def test_one_hot_learns_a_place_and_words_learn_a_word():
    draw = np.random.default_rng(0)
    texts = sequences(draw, 400)
    at_place = np.array([[float(text[3] == "A")] for text in texts])
    known = at_place.copy()
    known[300:] = np.nan
    rows = baselines.BaselineRows(texts, known, "regression", (), np.arange(250), np.arange(250, 300), 0)
    assert np.mean((baselines.one_hot_linear(rows)[300:] > 0.5) == at_place[300:]) > 0.97

    marked = [text[:4] + "WWW" + text[4:] if number % 2 else text for number, text in enumerate(texts)]
    odd = np.array([[float(number % 2)] for number in range(len(texts))])
    known = odd.copy()
    known[300:] = np.nan
    rows = baselines.BaselineRows(marked, known, "binary", (), np.arange(250), np.arange(250, 300), 0)
    assert np.mean((baselines.words_linear(rows)[300:] > 0.5) == odd[300:]) > 0.97
