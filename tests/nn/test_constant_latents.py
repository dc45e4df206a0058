"""Latents that are the same for every row are found."""

from __future__ import annotations

import pytest
import torch

from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.guidance.constant_latents import constant_latents, constant_sentence
from tests.nn.small import batch, small_model


class Fixed:
    """A model whose latents are given."""

    def __init__(self, values, of_inputs=False):
        self.latents = Latents(values, None)
        self.encoder = type("Encoder", (), {"of_inputs": of_inputs})

    def encode(self, inputs, padding_mask):
        return self.latents


def test_latents_that_do_not_depend_on_the_row_are_counted():
    values = torch.randn(40, 6, 24, generator=torch.Generator().manual_seed(0))
    assert constant_latents(Fixed(values), *batch()) == (0, 6)
    values[:, :4] = values[0, :4]
    values[:, 3] += 1e-4 * torch.randn(40, 24, generator=torch.Generator().manual_seed(1))
    assert constant_latents(Fixed(values), *batch()) == (4, 6)
    assert constant_latents(Fixed(values[:1]), *batch()) == (0, 6)


def test_of_a_latent_for_each_input_the_mean_counts():
    values = torch.randn(40, 6, 24, generator=torch.Generator().manual_seed(0))
    assert constant_latents(Fixed(values, of_inputs=True), *batch()) == (0, 1)
    assert constant_latents(Fixed(values[:1].expand(40, 6, 24), of_inputs=True), *batch()) == (1, 1)


def test_a_model_with_large_weights_tells_rows_apart():
    constant, latents = constant_latents(small_model(), *batch([20] * 30))
    assert (constant, latents) == (0, 6)


@pytest.mark.parametrize(
    ("counts", "said"),
    [((2, 6), None), ((0, 1), None), ((3, 6), "3 of 6 latents are nearly the same"), ((1, 1), "the same vector")],
)
def test_a_sentence_says_what_to_change(counts, said):
    sentence = constant_sentence(*counts)
    assert (sentence is None) if said is None else (said in sentence and "learning_rate" in sentence)
