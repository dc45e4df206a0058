"""Importance of positions from the attention of a chosen layer (paper, section 3).

``masking.layer`` 0 is the paper's: the first attention, whose queries attend to inputs. A trunk layer's queries
attend to latents, so its attention is mapped to the inputs by attention rollout: every layer before it contributes
half from the residual and half from its attention (Abnar and Zuidema 2020).

Shapes: B batch, H heads, N padded length, M latents (N with self-attention), R drawn queries.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sma_core.errors import ConfigError
from sma_core.nn.attention import AttentionLayer, Projected
from sma_core.nn.encoders.encoder import Encoder
from sma_core.nn.masking import (
    Draw,
    attention_of,
    draw_queries,
    importance,
    query_scores,
)
from sma_core.nn.strategies.protocol import Situation
from sma_core.printable import counted


def rank(situation: Situation) -> tuple[Tensor, Tensor, Draw]:
    """Return the importance ``(B, N)``, the drawn queries' attention ``(B, R, N)`` and the drawn queries.

    N is the length of ``situation.embedded``. Raises `ConfigError` if the encoder cannot use ``masking.mask_self``
    or lacks ``masking.layer``.
    """
    _, encoder, projected, embedded, padding_mask, masking, noise = situation
    if masking.mask_self and not encoder.of_inputs:
        raise ConfigError("masking.mask_self requires a self-attention encoder: latents have no position")
    heads = _guiding_layer(encoder, masking.layer).settings.heads
    draw = draw_queries(noise, masking, padding_mask, heads, encoder.of_inputs)
    real = padding_mask[:, : embedded.shape[1]]
    if masking.layer == 0:
        attention = attention_of(query_scores(projected.queries, projected.keys, draw.queries), real, draw.heads)
    else:
        attention = carried_attention(encoder, projected, embedded, real, masking.layer, draw)
    return importance(attention, draw, heads, masking.mask_self), attention, draw


def carried_attention(
    encoder: Encoder, projected: Projected, embedded: Tensor, padding_mask: Tensor, layer: int, draw: Draw
) -> Tensor:
    """Return the attention to the inputs of the drawn queries of trunk layer ``layer`` (from 1), ``(B, R, N)``.

    Computed by attention rollout, without masking or dropout.
    """
    rollout = attention_of(_scores(projected), padding_mask)  # (B, M, N)
    latents = encoder.first.attend(projected, encoder.queries(embedded), padding_mask, plain=True)
    real = padding_mask if encoder.of_inputs else torch.ones_like(rollout[:, :, 0], dtype=torch.bool)  # (B, M)
    for number, trunk_layer in enumerate(encoder.passes(), start=1):
        layer_projected = trunk_layer.project(latents)
        if number == layer:
            scores = query_scores(layer_projected.queries, layer_projected.keys, draw.queries)
            attention = attention_of(scores, real, draw.heads)
            return torch.matmul(attention, rollout)  # (B, R, M) @ (B, M, N)
        rollout = (torch.matmul(attention_of(_scores(layer_projected), real), rollout) + rollout) / 2
        latents = trunk_layer.attend(layer_projected, latents, real if encoder.of_inputs else None, plain=True)
    raise AssertionError("_guiding_layer checks masking.layer first")


def _scores(projected: Projected) -> Tensor:
    """Return the attention scores of all queries, ``(B, H, M, N)``."""
    rows, _, count, _ = projected.queries.shape
    indices = torch.arange(count, device=projected.queries.device).expand(rows, -1)
    return query_scores(projected.queries, projected.keys, indices)


def _guiding_layer(encoder: Encoder, layer: int) -> AttentionLayer:
    if layer == 0:
        return encoder.first
    for number, trunk_layer in enumerate(encoder.passes(), start=1):
        if number == layer:
            return trunk_layer
    raise ConfigError(
        f"masking.layer is {layer}, but the trunk has {counted(len(encoder.layers) * encoder.blocks, 'layer')}"
    )
