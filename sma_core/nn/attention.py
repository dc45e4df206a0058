"""One attention layer with its MLP, as cross-attention or self-attention (paper, section 3).

Projection and attention are separate calls, so that the mask is chosen from the projected queries and keys
and the same projections are then reused for attention.

Shapes: B batch, H heads, M queries, N inputs, D width of queries and values, d width of one head's
queries and keys, e width of one head's values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class LayerSettings:
    """Settings of one attention layer; ``width`` is the width of its queries, values and MLP."""

    width: int
    query_key_width: int
    heads: int
    widening: int
    bias: bool
    dropout: float
    attention_dropout: float
    query_residual: bool = True
    drop_path: float = 0.0


class Projected(NamedTuple):
    """Projected queries ``(B, H, M, d)``, keys ``(B, H, N, d)`` and values ``(B, H, N, e)``."""

    queries: Tensor
    keys: Tensor
    values: Tensor


def split_heads(vectors: Tensor, heads: int) -> Tensor:
    """View ``(..., N, H * d)`` as ``(..., H, N, d)`` without copying."""
    return vectors.view(*vectors.shape[:-1], heads, -1).transpose(-3, -2)


def attend_with(projected: Projected, visible: Tensor | None, dropout: float) -> Tensor:
    """Compute softmax attention, scaled by the square root of the head width; return ``(B, H, M, e)``.

    ``visible`` ``(B, N)`` bool is True for inputs to attend to; None means all. Every row needs at least one
    visible input. Uses the fused operation except in bf16 on the CPU, where its backward pass is two to ten
    times slower than the three separate operations (see ``benchmarks/attention.py``).
    """
    queries, keys, values = projected
    if visible is not None and may_look(visible) and bool(visible.all()):
        visible = None
    mask = None if visible is None else visible[:, None, None, :]  # (B, 1, 1, N)
    if not in_bf16_on_cpu(queries):
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, dropout_p=dropout)
    scores = torch.matmul(queries * queries.shape[-1] ** -0.5, keys.transpose(-2, -1))  # (B, H, M, N)
    if mask is not None:
        scores = scores.masked_fill_(~mask, torch.finfo(scores.dtype).min)  # in place: backward does not need it
    probabilities = functional.dropout(scores.softmax(dim=-1), dropout)
    return torch.matmul(probabilities, values)


def in_bf16_on_cpu(tensor: Tensor) -> bool:
    """Return whether a tensor is bf16 on the CPU, where casts and fused attention are slow."""
    return tensor.dtype == torch.bfloat16 and tensor.device.type == "cpu"


def may_look(tensor: Tensor) -> bool:
    """Return whether reading a tensor's values is free: on the CPU, with no device to synchronise, uncompiled."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


class AttentionLayer(nn.Module):
    """Base of both layer types: attention with query residual, then an MLP with residual."""

    def __init__(self, settings: LayerSettings) -> None:
        super().__init__()
        width, hidden = settings.width, settings.widening * settings.width
        self.settings = settings
        self.output = nn.Linear(width, width, bias=settings.bias)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, hidden, bias=settings.bias)
        self.mlp_out = nn.Linear(hidden, width, bias=settings.bias)

    def attend(
        self, projected: Projected, residual: Tensor, visible: Tensor | None = None, plain: bool = False
    ) -> Tensor:
        """Apply attention and the MLP; return ``(B, M, D)``.

        ``residual`` holds the queries before their LayerNorm, ``(M, D)`` or ``(B, M, D)``. ``visible``
        ``(B, N)`` bool is True for inputs to attend to; None means all. ``plain`` disables all dropout, also in
        training. The residual stream keeps the dtype of ``residual``, except in bf16 on the CPU, where it is
        bf16 to avoid casts between matrix products.
        """
        settings, noisy = self.settings, self.training and not plain
        context = attend_with(projected, visible, settings.attention_dropout if noisy else 0.0)
        attended: Tensor = self.output(context.transpose(1, 2).flatten(2))  # (B, H, M, e) -> (B, M, D)
        attended = functional.dropout(attended, settings.dropout, noisy)
        if settings.query_residual:
            residual = residual.to(attended.dtype) if in_bf16_on_cpu(attended) else residual
            attended = self._drop_path(attended, noisy) + residual
        update = self.mlp_out(functional.gelu(self.mlp_in(self.mlp_norm(attended))))
        return attended + self._drop_path(functional.dropout(update, settings.dropout, noisy), noisy)

    def _drop_path(self, update: Tensor, noisy: bool) -> Tensor:
        """Zero ``update`` ``(B, M, D)`` for random rows and rescale the others (drop path)."""
        rate = self.settings.drop_path
        if rate == 0.0 or not noisy:
            return update
        keep_mask = torch.rand(update.shape[0], 1, 1, device=update.device) >= rate  # (B, 1, 1)
        return update * keep_mask / (1.0 - rate)


class CrossAttentionLayer(AttentionLayer):
    """Attention of queries to other inputs; only the queries are layer-normalised."""

    def __init__(self, settings: LayerSettings, input_width: int) -> None:
        super().__init__(settings)
        self.query_norm = nn.LayerNorm(settings.width)
        self.query = nn.Linear(settings.width, settings.query_key_width, bias=settings.bias)
        self.key_value = nn.Linear(input_width, settings.query_key_width + settings.width, bias=settings.bias)

    def project(self, queries: Tensor, inputs: Tensor) -> Projected:
        """Project queries ``(M, D)`` or ``(B, M, D)`` and inputs ``(B, N, input_width)``.

        Queries that are the same for every row, ``(M, D)``, are projected once.
        """
        heads, widths = self.settings.heads, (self.settings.query_key_width, self.settings.width)
        projected_queries = split_heads(self.query(self.query_norm(queries)), heads)  # ([B,] H, M, d)
        keys, values = self.key_value(inputs).split(widths, dim=-1)  # each (B, N, H * d or H * e)
        return Projected(
            projected_queries.expand(inputs.shape[0], -1, -1, -1),
            split_heads(keys, heads),
            split_heads(values, heads),
        )

    def forward(self, queries: Tensor, inputs: Tensor, visible: Tensor | None = None) -> Tensor:
        """Attend from queries to inputs; return ``(B, M, D)``.

        ``queries`` ``(M, D)`` or ``(B, M, D)``; ``inputs`` ``(B, N, input_width)``; ``visible`` ``(B, N)`` bool.
        """
        return self.attend(self.project(queries, inputs), queries, visible)


class SelfAttentionLayer(AttentionLayer):
    """Attention of a sequence to itself, after one LayerNorm."""

    def __init__(self, settings: LayerSettings) -> None:
        super().__init__(settings)
        self.norm = nn.LayerNorm(settings.width)
        self.query_key_value = nn.Linear(
            settings.width, 2 * settings.query_key_width + settings.width, bias=settings.bias
        )

    def project(self, sequence: Tensor) -> Projected:
        """Project ``sequence`` ``(B, N, D)`` to its queries, keys and values."""
        width = self.settings.query_key_width
        tensors = self.query_key_value(self.norm(sequence)).split((width, width, self.settings.width), dim=-1)
        return Projected(*(split_heads(tensor, self.settings.heads) for tensor in tensors))

    def forward(self, sequence: Tensor, visible: Tensor | None = None) -> Tensor:
        """Attend from ``sequence`` ``(B, N, D)`` to its visible positions ``(B, N)``; return ``(B, N, D)``."""
        return self.attend(self.project(sequence), sequence, visible)
