"""The reconstruction decoder: position queries attend to the latents (paper, section 3).

Only the positions scored in the loss are decoded. `QueryDecoder` is the base class shared with the paper's
fine-tuning head.

Shapes: B batch, K positions to decode, L latents, D latent width, W decoder width, O output width, V vocabulary
size, C channels, P maximum length.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sma_core.config.models import ModelConfig
from sma_core.nn.attention import CrossAttentionLayer, LayerSettings
from sma_core.nn.embedding import OUTER_NORM_EPS, TokenEmbedding, ValueEmbedding
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.inputs import DiscreteInputs, Inputs
from sma_core.nn.parameters import initialise
from sma_core.nn.positions.protocol import PositionFactory
from sma_core.nn.positions.table import built_in_positions

_ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}


class QueryDecoder(nn.Module):
    """One cross-attention layer from queries to normalised latents, then extra layers.

    Base class of `Decoder` and of the fine-tuning heads.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        settings = LayerSettings(
            width=config.decoder.width,
            query_key_width=config.decoder.query_key,
            heads=config.decoder.heads,
            widening=config.decoder.widening,
            bias=config.bias,
            dropout=config.dropout,
            attention_dropout=config.attention_dropout,
            query_residual=config.decoder.query_residual,
        )
        self.latent_norm = nn.LayerNorm(config.latent_width)
        self.layer = CrossAttentionLayer(settings, config.latent_width)
        self.output_norm = nn.LayerNorm(config.decoder.width, eps=OUTER_NORM_EPS)
        self.output_layers = _output_layers(config)

    def decode(self, queries: Tensor, latents: Latents) -> Tensor:
        """Attend from queries ``([B,] K, W)`` to latents; return ``(B, K, O)``."""
        decoded = self.layer(queries, self.latent_norm(latents.values), latents.real)
        outputs: Tensor = self.output_layers(self.output_norm(decoded))
        return outputs


class Decoder(QueryDecoder):
    """Reconstruction decoder: maps latents to logits ``(B, K, V)`` or numbers ``(B, K, C)`` at given positions.

    The queries are position embeddings of their own, of the same kind as the encoder's (learned where that has
    none), or with ``decoder.shared_queries`` the encoder's. With ``decoder.shared_embedding`` the output layer is
    the transposed token embedding plus a bias.
    """

    def __init__(self, config: ModelConfig, inputs: Inputs, positions: PositionFactory | None = None) -> None:
        super().__init__(config)
        self.longest = config.max_length
        decoder = config.decoder
        outputs = inputs.vocabulary_size if isinstance(inputs, DiscreteInputs) else inputs.channels
        own, table = not decoder.shared_queries, config.positions in ("learned", "none")
        self.queries = (
            nn.Parameter(torch.empty(config.max_length, decoder.width)) if own and table else None
        )  # (P, W)
        factory = positions or built_in_positions(config)
        self.positions = factory(config, decoder.width) if own and not table else None  # N -> (N, W)
        self.mask_token = nn.Parameter(torch.empty(decoder.width)) if decoder.mask_token else None  # (W,)
        self.output = None if decoder.shared_embedding else nn.Linear(decoder.output_width, outputs)
        self.output_bias = nn.Parameter(torch.empty(outputs)) if decoder.shared_embedding else None
        initialise(self, config.initializer_range)

    def forward(
        self,
        latents: Latents,
        positions: Tensor,
        embed: TokenEmbedding | ValueEmbedding,
        marked: Tensor | None = None,
        length: int | None = None,
    ) -> Tensor:
        """Decode ``positions`` ``(B, K)`` int64; return ``(B, K, V)`` or ``(B, K, C)``.

        ``embed`` is the encoder's embedding, used if the settings share it. ``marked`` ``(B, K)`` bool selects
        the queries to which the mask token, if any, is added. ``length``, which all positions are less than,
        defaults to ``model.max_length``.
        """
        decoded = self.hidden_states(latents, positions, embed, marked, length)  # (B, K, O)
        if self.output is None:
            assert isinstance(embed, TokenEmbedding), "only token embeddings can be shared"
            return functional.linear(decoded, embed.tokens.weight, self.output_bias)
        outputs: Tensor = self.output(decoded)
        return outputs

    def hidden_states(
        self,
        latents: Latents,
        positions: Tensor,
        embed: TokenEmbedding | ValueEmbedding,
        marked: Tensor | None = None,
        length: int | None = None,
    ) -> Tensor:
        """Return the inputs of the output layer, ``(B, K, O)``; arguments as in `forward`."""
        queries = functional.embedding(positions, self._table(embed, length or self.longest))  # (B, K, W)
        if self.mask_token is not None and marked is not None:
            queries = queries + marked[:, :, None] * self.mask_token
        return self.decode(queries, latents)

    def _table(self, embed: TokenEmbedding | ValueEmbedding, length: int) -> Tensor:
        """Return the queries of the first ``length`` positions or more, ``(N, W)``."""
        if self.queries is not None:
            return self.queries
        module = embed.positions if self.positions is None else self.positions
        assert module is not None, "settings share the position embeddings"
        table: Tensor = module(length)
        return table


def _output_layers(config: ModelConfig) -> nn.Sequential:
    """Build the extra layers between the LayerNorm and the output layer; linear layers have biases."""
    layers: list[nn.Module] = []
    width = config.decoder.width
    for layer in config.decoder.output_layers:
        if isinstance(layer, int):
            layers.append(nn.Linear(width, layer))
            width = layer
        else:
            layers.append(_ACTIVATIONS[layer]())
    return nn.Sequential(*layers)
