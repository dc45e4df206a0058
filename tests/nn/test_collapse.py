"""Measures of collapsed masks."""

import pytest
import torch

from sma_core.config.masking import MaskingConfig
from sma_core.nn.guidance.collapse import DRAWS, collapse_measures, collapse_sentence, group_counts, times_hidden
from sma_core.nn.masking import every_position, hide
from sma_core.nn.strategies.protocol import Hiding
from tests.nn.small import batch, noise_for, small_model

MASKING = MaskingConfig(strategy="random", ratio=0.3)
NOISES = range(DRAWS)


def measures(strategy=None, rows=300):
    model, (inputs, padding_mask) = small_model(), batch([20] * rows)
    noises = [noise_for(padding_mask, seed=seed) for seed in NOISES]
    return collapse_measures(
        group_counts(inputs, *times_hidden(model, inputs, padding_mask, MASKING, noises, strategy))
    )


class SameSymbols(Hiding):
    """Hides the positions with the smallest ids: the symbol decides."""

    def choose(self, situation):
        ranking = 1.0 - situation.inputs / 100
        return hide(ranking, situation.padding_mask, situation.masking, situation.noise)


class Everything(Hiding):
    """Hides every position, which no strategy should."""

    def choose(self, situation):
        return every_position(situation.padding_mask, situation.padding_mask)


def test_random_masks_have_not_collapsed():
    found = measures()
    assert found["mask_never_hidden"] == pytest.approx(0.7**8, abs=0.015)  # standard error 0.003
    assert found["mask_explained"] < 0.01
    assert collapse_sentence(found, 0.3) is None


def test_masks_that_the_symbol_decides_have_collapsed():
    found = measures(SameSymbols({}))
    assert found["mask_never_hidden"] == pytest.approx(0.7)
    assert found["mask_explained"] > 0.7
    sentence = collapse_sentence(found, 0.3)
    assert "70% of the positions are hidden in none of 8 masks (random masks: 6%)" in sentence
    assert "masking.strategy=sampled" in sentence


def test_what_is_undefined_is_left_out():
    assert measures(Everything({}), rows=2) == {"mask_never_hidden": 0.0}
    assert collapse_measures(torch.zeros(3, 4, dtype=torch.float64)) == {}


def test_padding_and_rows_of_one_position_are_not_counted():
    model, (inputs, padding_mask) = small_model(), batch([20, 1, 5])
    noises = [noise_for(padding_mask, seed=seed) for seed in NOISES]
    counts = group_counts(inputs, *times_hidden(model, inputs, padding_mask, MASKING, noises))
    assert counts[0].sum() == 25
    assert counts[2].sum() == DRAWS * (6 + 2)  # round(0.3 * 20) and round(0.3 * 5) to even
