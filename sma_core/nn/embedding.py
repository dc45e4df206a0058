"""How inputs become vectors: token plus learned position, LayerNorm, dropout (paper, section 3).

Shapes: B batch, N padded length, E embedding width, V vocabulary size, P longest length.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sma_core.config.models import ModelConfig
from sma_core.errors import DataError
from sma_core.nn.parameters import initialise

OUTER_NORM_EPS = 1e-12
"""eps of the LayerNorms after the embedding and before the output map; all others use 1e-5."""


class TokenEmbedding(nn.Module):
    """Discrete inputs: ids ``(B, N)`` to vectors ``(B, N, E)``."""

    def __init__(self, config: ModelConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary_size, config.embedding_width)  # (V, E)
        self.positions = nn.Embedding(config.max_length, config.embedding_width)  # (P, E)
        self.norm = nn.LayerNorm(config.embedding_width, eps=OUTER_NORM_EPS)
        self.dropout = config.dropout
        initialise(self, config.initializer_range)

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed ids ``(B, N)`` of any integer type; gives ``(B, N, E)``.

        Raises `DataError` when N is larger than the position table.
        """
        length, longest = inputs.shape[1], self.positions.num_embeddings
        if length > longest:
            raise DataError(f"a row has {length} inputs, but model.max_length is {longest}")
        embedded = self.tokens(inputs.to(torch.int64)) + self.positions.weight[:length]  # (B, N, E) + (N, E)
        return functional.dropout(self.norm(embedded), self.dropout, self.training)
