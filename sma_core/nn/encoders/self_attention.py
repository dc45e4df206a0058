"""The encoder of inputs that attend to each other (paper, section 3).

Shapes: B batch, N padded length, E embedding width, D latent width, H heads, L visible positions.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from sma_core.config.models import ModelConfig
from sma_core.nn.attention import CrossAttentionLayer, Projected
from sma_core.nn.encoders.encoder import Encoder, Latents, taken, trunk_settings, visible_first
from sma_core.nn.parameters import initialise


class SelfAttentionEncoder(Encoder):
    """Encoder whose inputs attend to each other: ``(B, N, E)`` to ``(B, L, E)``, without the hidden positions."""

    of_inputs = True

    def __init__(self, config: ModelConfig) -> None:
        first = replace(trunk_settings(config), query_residual=config.query_residual, drop_path=0.0)
        super().__init__(config, CrossAttentionLayer(first, config.embedding_width))
        initialise(self, config.initializer_range)

    def queries(self, embedded: Tensor) -> Tensor:
        """Return the embedded inputs ``(B, N, E)``; D equals E."""
        return embedded

    def query_count(self, length: int) -> int:
        """Return the padded length N."""
        return length

    def enter(
        self, projected: Projected, embedded: Tensor, visible: Tensor, most_visible: int | None = None
    ) -> Latents:
        """Attend among the visible inputs; ``most_visible`` limits the output to that many positions per row.

        Without it the hidden positions stay in the sequence and are only masked out; the outputs of the visible
        positions are the same.
        """
        if most_visible is not None and most_visible < visible.shape[1]:
            order = visible_first(visible, most_visible)  # (B, L)
            embedded = taken(embedded[:, None], order)[:, 0]  # (B, N, E) -> (B, L, E)
            projected = Projected(*(taken(tensor, order) for tensor in projected))  # (B, H, L, d)
            visible = visible.gather(1, order)  # (B, L)
        latents = self._checkpointed(self.first.attend, projected, embedded, visible)
        return Latents(latents, visible)
