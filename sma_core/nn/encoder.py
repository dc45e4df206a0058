"""The encoder: learned latents attend to the inputs, then to themselves (paper, section 3).

The first attention comes in two calls, `CrossAttentionEncoder.project` and `CrossAttentionEncoder.finish`,
because the mask is chosen in between, from the projected queries and keys.

Shapes: B batch, N padded length, E embedding width, M latents, D latent width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sma_core.config.models import ModelConfig
from sma_core.nn.attention import CrossAttentionLayer, LayerSettings, Projected, SelfAttentionLayer
from sma_core.nn.parameters import initialise


class CrossAttentionEncoder(nn.Module):
    """Embedded inputs ``(B, N, E)`` to latents ``(B, M, D)``."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.empty(config.latents, config.latent_width))  # (M, D)
        self.cross = CrossAttentionLayer(_cross_settings(config), config.embedding_width)
        self.layers = nn.ModuleList(SelfAttentionLayer(_trunk_settings(config)) for _ in range(config.layers))
        self.blocks = config.blocks
        initialise(self, config.initializer_range)

    def project(self, embedded: Tensor) -> Projected:
        """Project latents to queries and inputs ``(B, N, E)`` to keys and values of the first attention."""
        return self.cross.project(self.latents, embedded)

    def finish(self, projected: Projected, visible: Tensor) -> Tensor:
        """Attend to the visible inputs, ``(B, N)`` bool, then pass the trunk; gives ``(B, M, D)``."""
        latents = self.cross.attend(projected, self.latents, visible)
        for _ in range(self.blocks):
            for layer in self.layers:
                latents = layer(latents)
        return latents

    def forward(self, embedded: Tensor, padding_mask: Tensor) -> Tensor:
        """Encode with nothing hidden; gives ``(B, M, D)``.

        Embedded inputs ``(B, N, E)``, padding_mask ``(B, N)`` bool, True where real.
        """
        return self.finish(self.project(embedded), padding_mask)


def _cross_settings(config: ModelConfig) -> LayerSettings:
    return LayerSettings(
        width=config.latent_width,
        query_key_width=config.cross_query_key,
        heads=config.cross_heads,
        widening=config.cross_widening,
        bias=config.bias,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        query_residual=config.query_residual,
    )


def _trunk_settings(config: ModelConfig) -> LayerSettings:
    return LayerSettings(
        width=config.latent_width,
        query_key_width=config.query_key,
        heads=config.heads,
        widening=config.widening,
        bias=config.bias,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
    )
