"""Heads for fine-tuning: latents to outputs (paper, experiments).

Every head is made by ``Head(model_config, outputs)`` and maps latents ``(B, M, D)`` to ``(B, outputs)``.

Shapes: B batch, M latents, D latent width, W decoder width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sma_core.config.models import ModelConfig
from sma_core.nn.decoder import QueryDecoder
from sma_core.nn.parameters import initialise


class DecoderHead(QueryDecoder):
    """The paper's head: the decoder with one learned query, and a linear map to the outputs.

    It has the reconstruction decoder's widths (``model.decoder``), but weights of its own.
    """

    def __init__(self, model_config: ModelConfig, outputs: int) -> None:
        super().__init__(model_config)
        self.queries = nn.Parameter(torch.empty(1, model_config.decoder.width))  # (1, W)
        self.output = nn.Linear(model_config.decoder.width, outputs)
        initialise(self, model_config.initializer_range)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents ``(B, M, D)`` to ``(B, outputs)``."""
        outputs: Tensor = self.output(self.decode(self.queries, latents)[:, 0])  # (B, 1, W) -> (B, W)
        return outputs


class MeanHead(nn.Module):
    """The mean over the latents, then a linear map."""

    def __init__(self, model_config: ModelConfig, outputs: int) -> None:
        super().__init__()
        self.output = nn.Linear(model_config.latent_width, outputs)
        initialise(self, model_config.initializer_range)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents ``(B, M, D)`` to ``(B, outputs)``."""
        outputs: Tensor = self.output(latents.mean(dim=1))
        return outputs
