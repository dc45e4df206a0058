"""Networks whose explanations are known: each input adds a number of its own, whatever the others are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from sma_core.models.loaded_run import LoadedRun
from sma_core.nn.model import Predictor


class Additive(Predictor):
    """Predicts the sum over the visible positions of their vectors times ``weight`` (E,) times ``shares`` (N,)."""

    def __init__(self, built: Predictor, weight, shares=None):
        super().__init__(built.embed, built.encoder, built.head)
        self.weight, self.shares = weight, shares

    def from_vectors(self, vectors, padding_mask):
        added = (vectors @ self.weight) * padding_mask
        return (added if self.shares is None else added * self.shares).sum(dim=1, keepdim=True)

    def forward(self, inputs, padding_mask):
        return self.from_vectors(self.embed.vectors(inputs), padding_mask)


def counting(path: Path, letter: str = "a") -> LoadedRun:
    """A run on text whose output is the number of times that a letter occurs."""
    run = LoadedRun.load(path, "cpu")
    tokens = run.module.embed.tokens.weight.data
    tokens.zero_()
    tokens[run.feed.tokenizer.encode([letter]).values[0], 0] = 1.0
    weight = torch.zeros(tokens.shape[1])
    weight[0] = 1.0
    return replace(run, module=Additive(run.module, weight).requires_grad_(False))


def weighing(path: Path, shares: list[float]) -> LoadedRun:
    """A run on numbers whose output is the sum of the standardised features times ``shares``."""
    run = LoadedRun.load(path, "cpu")
    embed = run.module.embed
    embed.projection.weight.data.zero_()
    embed.projection.bias.data.zero_()
    embed.projection.weight.data[0] = 1.0
    if embed.missing is not None:
        embed.missing.data.zero_()
    weight = torch.zeros(embed.projection.weight.shape[0])
    weight[0] = 1.0
    return replace(run, module=Additive(run.module, weight, torch.tensor(shares)).requires_grad_(False))
