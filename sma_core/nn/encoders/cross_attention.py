"""The encoder of learned latents that attend to the inputs (paper, section 3).

Shapes: B batch, N padded length, E embedding width, M latents, D latent width, H heads, L visible positions.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from sma_core.config.models import ModelConfig
from sma_core.nn.attention import CrossAttentionLayer, Projected
from sma_core.nn.encoders.encoder import Encoder, Latents, taken, trunk_settings, visible_first
from sma_core.nn.parameters import initialise


class CrossAttentionEncoder(Encoder):
    """Encoder whose learned latents attend to the inputs: ``(B, N, E)`` to ``(B, M, D)``."""

    of_inputs = False

    def __init__(self, config: ModelConfig) -> None:
        first = replace(
            trunk_settings(config),
            query_key_width=config.cross_query_key,
            heads=config.cross_heads,
            widening=config.cross_widening,
            query_residual=config.query_residual,
            drop_path=0.0,
        )
        super().__init__(config, CrossAttentionLayer(first, config.embedding_width))
        self.latents = nn.Parameter(torch.empty(config.latents, config.latent_width))  # (M, D)
        initialise(self, config.initializer_range)

    def queries(self, embedded: Tensor) -> Tensor:
        """Return the learned latents ``(M, D)``, the same for every row."""
        return self.latents

    def query_count(self, length: int) -> int:
        """Return the number of latents M."""
        return self.latents.shape[0]

    def enter(
        self, projected: Projected, embedded: Tensor, visible: Tensor, most_visible: int | None = None
    ) -> Latents:
        """Attend from the latents to the visible inputs; return all M latents.

        ``most_visible`` limits the keys and values to that many positions per row, visible ones first.
        """
        if most_visible is not None and most_visible < visible.shape[1]:
            order = visible_first(visible, most_visible)  # (B, L)
            keys, values = taken(projected.keys, order), taken(projected.values, order)  # (B, H, L, d or e)
            projected, visible = Projected(projected.queries, keys, values), visible.gather(1, order)
        latents = self._checkpointed(self.first.attend, projected, self.latents, visible)
        return Latents(latents, None)
