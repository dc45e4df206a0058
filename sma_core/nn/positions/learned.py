"""A learned vector for each position (the paper's)."""

from __future__ import annotations

from torch import Tensor, nn

from sma_core.config.models import ModelConfig


class Learned(nn.Embedding):
    """A table of ``model.max_length`` vectors."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__(config.max_length, width)

    def forward(self, length: int) -> Tensor:  # type: ignore[override]
        """Return the vectors ``(length, width)`` of the first positions."""
        return self.weight[:length]
