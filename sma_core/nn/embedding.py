"""Input embeddings: token or projected value, plus position, LayerNorm and dropout (paper, section 3).

Shapes: B batch, N padded length, C channels, E embedding width, V vocabulary size, P maximum length.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sma_core.config.models import ModelConfig
from sma_core.errors import ConfigError, DataError
from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs, Inputs
from sma_core.nn.parameters import initialise
from sma_core.nn.positions.protocol import PositionFactory
from sma_core.nn.positions.table import built_in_positions

OUTER_NORM_EPS = 1e-12
"""eps of the LayerNorms after the embedding and before the output layer; all others use 1e-5."""


class Embedding(nn.Module):
    """Base of both embeddings: position embedding, LayerNorm and dropout."""

    def __init__(self, config: ModelConfig, positions: PositionFactory | None) -> None:
        super().__init__()
        self.longest = config.max_length
        self.positions = (positions or built_in_positions(config))(config, config.embedding_width)  # N -> (N, E)
        self.norm = nn.LayerNorm(config.embedding_width, eps=OUTER_NORM_EPS)
        self.dropout = config.dropout

    def vectors(self, inputs: Tensor) -> Tensor:
        """Return the vectors ``(B, N, E)`` of inputs, from which `finish` makes the embedding."""
        raise NotImplementedError

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed ids ``(B, N)`` or numbers ``(B, N, C)``; return ``(B, N, E)``. Raises as `finish` does."""
        return self.finish(self.vectors(inputs))

    def finish(self, vectors: Tensor) -> Tensor:
        """Add position embeddings to ``(B, N, E)``, then apply LayerNorm and dropout.

        Raises `DataError` if N is larger than ``model.max_length``.
        """
        length = vectors.shape[1]
        if length > self.longest:
            raise DataError(f"a row has {length} positions, but model.max_length is {self.longest}")
        if self.positions is not None:
            vectors = vectors + self.positions(length)  # (B, N, E) + (N, E)
        return functional.dropout(self.norm(vectors), self.dropout, self.training)

    def initialise(self, config: ModelConfig) -> None:
        """Initialise weights, position embeddings with ``model.position_initializer_range`` if it is set."""
        initialise(self, config.initializer_range)
        if self.positions is not None and config.position_initializer_range is not None:
            initialise(self.positions, config.position_initializer_range)


class TokenEmbedding(Embedding):
    """Embedding of discrete inputs: ids ``(B, N)`` to vectors ``(B, N, E)``."""

    def __init__(
        self, config: ModelConfig, inputs: DiscreteInputs, positions: PositionFactory | None = None
    ) -> None:
        super().__init__(config, positions)
        if self.positions is None:
            raise ConfigError("model.positions may be none only for continuous inputs; these inputs are discrete")
        self.tokens = nn.Embedding(inputs.vocabulary_size, config.embedding_width)  # (V, E)
        self.initialise(config)

    def vectors(self, inputs: Tensor) -> Tensor:
        """Return the vectors ``(B, N, E)`` of ids ``(B, N)`` of any integer type."""
        vectors: Tensor = self.tokens(inputs.to(torch.int64))
        return vectors


class ValueEmbedding(Embedding):
    """Embedding of continuous inputs: numbers ``(B, N, C)`` to vectors ``(B, N, E)`` by a linear layer.

    A missing value is read as 0, the mean; with ``model.missing_values`` ``learned`` and missing values in the
    training rows, a vector of its channel is added, 0 at first.
    """

    def __init__(
        self, config: ModelConfig, inputs: ContinuousInputs, positions: PositionFactory | None = None
    ) -> None:
        super().__init__(config, positions)
        self.projection = nn.Linear(inputs.channels, config.embedding_width)  # (E, C)
        self.initialise(config)
        learned = inputs.missing and config.missing_values == "learned"
        shape = (inputs.channels, config.embedding_width)
        self.missing = nn.Parameter(torch.zeros(shape)) if learned else None  # (C, E)

    def vectors(self, inputs: Tensor) -> Tensor:
        """Return the vectors ``(B, N, E)`` of numbers ``(B, N, C)``, NaN where missing."""
        missing, dtype = inputs.isnan(), self.projection.weight.dtype
        vectors: Tensor = self.projection(inputs.masked_fill(missing, 0.0).to(dtype))
        if self.missing is not None:
            vectors = vectors + missing.to(dtype) @ self.missing  # (B, N, C) @ (C, E)
        return vectors


def build_embedding(
    config: ModelConfig, inputs: Inputs, positions: PositionFactory | None = None
) -> TokenEmbedding | ValueEmbedding:
    """Build the embedding for discrete or continuous inputs; ``positions`` as in `sma_core.nn.model.SMA`."""
    if isinstance(inputs, DiscreteInputs):
        return TokenEmbedding(config, inputs, positions)
    if config.decoder.shared_embedding:
        raise ConfigError("model.decoder.shared_embedding requires discrete inputs; these inputs are continuous")
    return ValueEmbedding(config, inputs, positions)
