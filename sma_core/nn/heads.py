"""Heads for fine-tuning: latents to outputs (paper, experiments).

Every head is made by ``Head(model_config, outputs)`` and is called with one `Encoded`. Heads for a whole row give
``(B, outputs)``, heads for each position ``(B, N, outputs)``.

Shapes: B batch, N padded length, L latents, D latent width, E embedding width, W decoder width, O output width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sma_core.config.models import ModelConfig
from sma_core.nn.decoder import QueryDecoder
from sma_core.nn.encoder import Latents
from sma_core.nn.parameters import initialise


class Encoded(NamedTuple):
    """What a head reads: the encoder's latents, and the inputs they came from.

    ``latents.values`` ``(B, L, D)`` with ``latents.real`` ``(B, L)`` bool or None where all are real; ``embedded``
    ``(B, N, E)``; ``padding_mask`` ``(B, N)`` bool, True where real.
    """

    latents: Latents
    embedded: Tensor
    padding_mask: Tensor


class DecoderHead(QueryDecoder):
    """The paper's head: the decoder with one learned query, and a linear map to the outputs.

    It has the reconstruction decoder's widths (``model.decoder``), but weights of its own.
    """

    def __init__(self, model_config: ModelConfig, outputs: int) -> None:
        super().__init__(model_config)
        self.queries = nn.Parameter(torch.empty(1, model_config.decoder.width))  # (1, W)
        self.output = nn.Linear(model_config.decoder.output_width, outputs)
        initialise(self, model_config.initializer_range)

    def forward(self, encoded: Encoded) -> Tensor:
        """Give ``(B, outputs)``."""
        decoded = self.decode(self.queries, encoded.latents)  # (B, 1, O)
        outputs: Tensor = self.output(decoded[:, 0])
        return outputs


class MultiQueryHead(QueryDecoder):
    """The decoder with one learned query for each output, and a linear map of its own for each.

    For several outputs that look at different parts of a row: `DecoderHead` reads all from one summary.
    """

    def __init__(self, model_config: ModelConfig, outputs: int) -> None:
        super().__init__(model_config)
        self.queries = nn.Parameter(torch.empty(outputs, model_config.decoder.width))  # (outputs, W)
        self.output = nn.Parameter(torch.empty(outputs, model_config.decoder.output_width))  # (outputs, O)
        self.output_bias = nn.Parameter(torch.empty(outputs))
        initialise(self, model_config.initializer_range)

    def forward(self, encoded: Encoded) -> Tensor:
        """Give ``(B, outputs)``."""
        decoded = self.decode(self.queries, encoded.latents)  # (B, outputs, O)
        return (decoded * self.output).sum(dim=-1) + self.output_bias


class MeanHead(nn.Module):
    """The mean over the real latents, then a linear map."""

    def __init__(self, model_config: ModelConfig, outputs: int) -> None:
        super().__init__()
        self.output = nn.Linear(model_config.latent_width, outputs)
        initialise(self, model_config.initializer_range)

    def forward(self, encoded: Encoded) -> Tensor:
        """Give ``(B, outputs)``."""
        mean = mean_latents(encoded.latents).to(self.output.weight.dtype)
        outputs: Tensor = self.output(mean)
        return outputs


class PositionHead(QueryDecoder):
    """An answer for every position: the embedded input is the query that reads the latents.

    The query carries what stands at the position and where it is; the latents bring what stands around it.
    """

    def __init__(self, model_config: ModelConfig, outputs: int) -> None:
        super().__init__(model_config)
        self.query = nn.Linear(model_config.embedding_width, model_config.decoder.width)
        self.output = nn.Linear(model_config.decoder.output_width, outputs)
        initialise(self, model_config.initializer_range)

    def forward(self, encoded: Encoded) -> Tensor:
        """Give ``(B, N, outputs)``; what it gives for padding means nothing."""
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
