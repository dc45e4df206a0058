"""Missing numbers are read as the mean and are no targets of the reconstruction."""

from __future__ import annotations

import torch

from sma_core.config import MaskingConfig, ModelConfig
from sma_core.nn.inputs import ContinuousInputs
from sma_core.nn.masking import draw_noise
from sma_core.nn.model import SMA


def test_the_loss_counts_known_values_only():
    torch.manual_seed(0)
    model = SMA(
        ModelConfig(max_length=8, embedding_width=16, latent_width=16, latents=4), ContinuousInputs(1)
    ).eval()
    values = torch.randn(3, 8, 1)
    known = values.clone()
    known[:, 2] = 0.0
    missing = values.clone()
    missing[:, 2] = torch.nan
    real = torch.ones(3, 8, dtype=torch.bool)
    masking = MaskingConfig(strategy="random", ratio=0.9, keys_per_query=1.0)
    noise = draw_noise(3, model.encoder.query_count(8), 8, torch.Generator().manual_seed(0), "cpu")
    whole, some = (model(inputs, real, masking, noise) for inputs in (known, missing))
    assert torch.equal(whole.mask.hidden, some.mask.hidden)
    hidden = int(whole.mask.hidden[:, 2].sum())
    assert hidden
    assert int(some.scored) == int(whole.scored) - hidden
    assert torch.isfinite(some.loss)
    assert torch.equal(model.embed(known), model.embed(missing))
