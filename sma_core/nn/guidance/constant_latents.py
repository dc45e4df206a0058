"""Latents that are the same for every row, and so tell the decoder nothing about it.

Shapes: B rows, N padded length, L latents, D their width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.heads import mean_latents
from sma_core.nn.model import SMA

SMALLEST_VARIATION = 0.01
"""Standard deviation over rows, relative to the size of a latent, below which it is constant."""
MOST_CONSTANT = 0.5
"""Share of constant latents from which `constant_sentence` warns."""


@torch.no_grad()
def constant_latents(model: SMA, inputs: Tensor, padding_mask: Tensor) -> tuple[int, int]:
    """Count the latents that are the same for all rows of a batch, and all latents.

    ``inputs`` and ``padding_mask`` are as in `SMA.encode`. Of an encoder with a latent for each input, the mean
    vector of a row counts as its only latent. With fewer than two rows nothing is constant.
    """
    encoded: Latents = model.encode(inputs, padding_mask)
    values = mean_latents(encoded)[:, None] if model.encoder.of_inputs else encoded.values  # (B, L, D)
    if len(values) < 2:
        return 0, values.shape[1]
    values = values.double()
    spread = values.var(dim=0, correction=0).sum(dim=1).sqrt()  # (L,)
    size = values.square().sum(dim=2).mean(dim=0).sqrt()  # (L,)
    return int((spread < SMALLEST_VARIATION * size).sum()), values.shape[1]


def constant_sentence(constant: int, latents: int) -> str | None:
    """Return a warning when many latents are constant; None when they are not."""
    if constant < MOST_CONSTANT * latents or not constant:
        return None
    if latents == 1:
        return (
            "the encoder gives nearly the same vector for every held-out row, so it hardly tells rows apart: "
            "try a lower training.learning_rate, or more steps"
        )
    return (
        f"{constant} of {latents} latents are nearly the same for every held-out row, so they carry nothing: "
        "try fewer model.latents, a lower training.learning_rate, or model.encoder=self-attention"
    )
