"""Fine-tuning heads: latents to outputs (paper, experiments).

Every head is built as ``Head(model_config, outputs)`` and called with an `Encoded`. Heads for whole rows return
``(B, outputs)``, heads for positions ``(B, N, outputs)``.

Shapes: B batch, N padded length, L latents, D latent width, E embedding width, W decoder width, O output width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sma_core.config.models import ModelConfig
from sma_core.nn.decoder import QueryDecoder
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.parameters import initialise


class Encoded(NamedTuple):
    """Input of a head: the encoder's latents and the embedded inputs.

    ``latents.values`` ``(B, L, D)`` with ``latents.real`` ``(B, L)`` bool, None if all are real; ``embedded``
    ``(B, N, E)``; ``padding_mask`` ``(B, N)`` bool, True at real positions.
    """

    latents: Latents
    embedded: Tensor
    padding_mask: Tensor


class DecoderHead(QueryDecoder):
    """The paper's head: a decoder with one learned query, and a linear layer to the outputs.

    It has the reconstruction decoder's widths (``model.decoder``), but separate weights.
    """

    def __init__(self, model_config: ModelConfig, outputs: int) -> None:
        super().__init__(model_config)
        self.queries = nn.Parameter(torch.empty(1, model_config.decoder.width))  # (1, W)
        self.output = nn.Linear(model_config.decoder.output_width, outputs)
        initialise(self, model_config.initializer_range)

    def forward(self, encoded: Encoded) -> Tensor:
        """Return ``(B, outputs)``."""
        decoded = self.decode(self.queries, encoded.latents)  # (B, 1, O)
        outputs: Tensor = self.output(decoded[:, 0])
        return outputs


class MultiQueryHead(QueryDecoder):
    """A decoder with one learned query and one linear layer per output.

    Use it for outputs that depend on different parts of a row; `DecoderHead` predicts all from one vector.
    """

    def __init__(self, model_config: ModelConfig, outputs: int) -> None:
        super().__init__(model_config)
        self.queries = nn.Parameter(torch.empty(outputs, model_config.decoder.width))  # (outputs, W)
        self.output = nn.Parameter(torch.empty(outputs, model_config.decoder.output_width))  # (outputs, O)
        self.output_bias = nn.Parameter(torch.empty(outputs))
        initialise(self, model_config.initializer_range)

    def forward(self, encoded: Encoded) -> Tensor:
        """Return ``(B, outputs)``."""
        decoded = self.decode(self.queries, encoded.latents)  # (B, outputs, O)
        return (decoded * self.output).sum(dim=-1) + self.output_bias


class MeanHead(nn.Module):
    """The mean over the real latents, followed by a linear layer."""

    def __init__(self, model_config: ModelConfig, outputs: int) -> None:
        super().__init__()
        self.output = nn.Linear(model_config.latent_width, outputs)
        initialise(self, model_config.initializer_range)

    def forward(self, encoded: Encoded) -> Tensor:
        """Return ``(B, outputs)``."""
        mean = mean_latents(encoded.latents).to(self.output.weight.dtype)
        outputs: Tensor = self.output(mean)
        return outputs


class PositionHead(QueryDecoder):
    """A head that predicts at every position: the embedded inputs are the queries that attend to the latents.

    A query holds the token and its position; the latents add the context.
    """

    def __init__(self, model_config: ModelConfig, outputs: int) -> None:
        super().__init__(model_config)
        self.query = nn.Linear(model_config.embedding_width, model_config.decoder.width)
        self.output = nn.Linear(model_config.decoder.output_width, outputs)
        initialise(self, model_config.initializer_range)

    def forward(self, encoded: Encoded) -> Tensor:
        """Return ``(B, N, outputs)``; ignore the outputs at padding positions."""
        decoded = self.decode(self.query(encoded.embedded), encoded.latents)  # (B, N, O)
        outputs: Tensor = self.output(decoded)
        return outputs


def mean_latents(latents: Latents) -> Tensor:
    """Average the real latents of each row, in float32 or wider: ``(B, L, D)`` to ``(B, D)``."""
    values = latents.values.to(torch.promote_types(latents.values.dtype, torch.float32))
    if latents.real is None:
        return values.mean(dim=1)
    real = latents.real[:, :, None].to(values.dtype)
    return (values * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)
