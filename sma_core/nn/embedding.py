"""How inputs become vectors: token or projected value, position, LayerNorm, dropout (paper, section 3).

Shapes: B batch, N padded length, C channels, E embedding width, V vocabulary size, P longest length.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sma_core.config.models import ModelConfig
from sma_core.errors import ConfigError, DataError
from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs, Inputs
from sma_core.nn.parameters import initialise

OUTER_NORM_EPS = 1e-12
"""eps of the LayerNorms after the embedding and before the output map; all others use 1e-5."""


class Embedding(nn.Module):
    """What both kinds of input share: positions, LayerNorm, dropout; ``(B, N, E)`` comes out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.longest = config.max_length
        self.positions = (
            nn.Embedding(config.max_length, config.embedding_width) if config.position_embeddings else None
        )  # (P, E)
        self.norm = nn.LayerNorm(config.embedding_width, eps=OUTER_NORM_EPS)
        self.dropout = config.dropout

    def finish(self, vectors: Tensor) -> Tensor:
        """Add positions to ``(B, N, E)``, normalise, drop out.

        Raises `DataError` when N is larger than ``model.max_length``.
        """
        length = vectors.shape[1]
        if length > self.longest:
            raise DataError(f"a row has {length} inputs, but model.max_length is {self.longest}")
        if self.positions is not None:
            vectors = vectors + self.positions.weight[:length]  # (B, N, E) + (N, E)
        return functional.dropout(self.norm(vectors), self.dropout, self.training)

    def initialise(self, config: ModelConfig) -> None:
        """Draw first weights, those of the positions with a spread of their own where one is set."""
        initialise(self, config.initializer_range)
        if self.positions is not None and config.position_initializer_range is not None:
            nn.init.normal_(self.positions.weight, std=config.position_initializer_range)


class TokenEmbedding(Embedding):
    """Discrete inputs: ids ``(B, N)`` to vectors ``(B, N, E)``."""

    def __init__(self, config: ModelConfig, inputs: DiscreteInputs) -> None:
        super().__init__(config)
        if not config.position_embeddings:
            raise ConfigError(
                "model.position_embeddings can be off for continuous inputs only; these are discrete"
            )
        self.tokens = nn.Embedding(inputs.vocabulary_size, config.embedding_width)  # (V, E)
        self.initialise(config)

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed ids ``(B, N)`` of any integer type; gives ``(B, N, E)``. Raises as `finish` does."""
        return self.finish(self.tokens(inputs.to(torch.int64)))


class ValueEmbedding(Embedding):
    """Continuous inputs: numbers ``(B, N, C)`` to vectors ``(B, N, E)`` by one linear map with bias."""

    def __init__(self, config: ModelConfig, inputs: ContinuousInputs) -> None:
        super().__init__(config)
        self.projection = nn.Linear(inputs.channels, config.embedding_width)  # (E, C)
        self.initialise(config)

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed numbers ``(B, N, C)``; gives ``(B, N, E)``. Raises as `finish` does."""
        return self.finish(self.projection(inputs.to(self.projection.weight.dtype)))


def build_embedding(config: ModelConfig, inputs: Inputs) -> TokenEmbedding | ValueEmbedding:
    """Build the embedding for the kind of input."""
    if isinstance(inputs, DiscreteInputs):
        return TokenEmbedding(config, inputs)
    if config.decoder.shared_embedding:
        raise ConfigError("model.decoder.shared_embedding needs discrete inputs; these are continuous")
    return ValueEmbedding(config, inputs)
