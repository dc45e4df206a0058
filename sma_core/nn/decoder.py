"""The reconstruction decoder: position queries attend to the latents (paper, section 3).

Only hidden positions are decoded. `QueryDecoder` is the part that the paper's fine-tuning head shares.

Shapes: B batch, K positions to decode, M latents, D latent width, W decoder width, V vocabulary size,
P longest length.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sma_core.config.models import ModelConfig
from sma_core.nn.attention import CrossAttentionLayer, LayerSettings
from sma_core.nn.embedding import OUTER_NORM_EPS, TokenEmbedding
from sma_core.nn.parameters import initialise


class QueryDecoder(nn.Module):
    """Queries attend once to normalised latents; base of `Decoder` and of the fine-tuning head."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        settings = LayerSettings(
            width=config.decoder.width,
            query_key_width=config.decoder.query_key,
            heads=config.decoder.heads,
            widening=config.cross_widening,
            bias=config.bias,
            dropout=config.dropout,
            attention_dropout=config.attention_dropout,
        )
        self.latent_norm = nn.LayerNorm(config.latent_width)
        self.layer = CrossAttentionLayer(settings, config.latent_width)
        self.output_norm = nn.LayerNorm(config.decoder.width, eps=OUTER_NORM_EPS)

    def decode(self, queries: Tensor, latents: Tensor) -> Tensor:
        """Let queries ``([B,] K, W)`` read latents ``(B, M, D)``; gives normalised ``(B, K, W)``."""
        decoded: Tensor = self.output_norm(self.layer(queries, self.latent_norm(latents)))
        return decoded


class Decoder(QueryDecoder):
    """Latents ``(B, M, D)`` and positions ``(B, K)`` to scores of tokens ``(B, K, V)``.

    With ``decoder.shared_queries`` the queries are the encoder's position embeddings; with
    ``decoder.shared_embedding`` the output map is the transposed token embedding plus a bias.
    """

    def __init__(self, config: ModelConfig, vocabulary_size: int) -> None:
        super().__init__(config)
        width = config.decoder.width
        shared_queries, shared_embedding = config.decoder.shared_queries, config.decoder.shared_embedding
        queries = None if shared_queries else nn.Parameter(torch.empty(config.max_length, width))  # (P, W)
        self.queries = queries
        self.output = None if shared_embedding else nn.Linear(width, vocabulary_size)
        self.output_bias = nn.Parameter(torch.empty(vocabulary_size)) if shared_embedding else None
        initialise(self, config.initializer_range)

    def forward(self, latents: Tensor, positions: Tensor, embed: TokenEmbedding) -> Tensor:
        """Decode ``positions`` ``(B, K)`` int64 from latents ``(B, M, D)``; gives ``(B, K, V)``.

        ``embed`` is the encoder's embedding, read where the settings share it.
        """
        table = embed.positions.weight if self.queries is None else self.queries
        decoded = self.decode(functional.embedding(positions, table), latents)  # (B, K, W)
        if self.output is None:
            return functional.linear(decoded, embed.tokens.weight, self.output_bias)
        logits: Tensor = self.output(decoded)
        return logits
