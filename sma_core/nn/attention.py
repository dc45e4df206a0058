"""One attention layer with its MLP, as cross-attention or self-attention (paper, section 3).

Projecting and attending are two calls, so that the mask can be chosen from the projected queries and
keys before the same tensors are attended with: nothing is projected twice.

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
    """Widths and switches of one attention layer; ``width`` is that of its queries, values and MLP."""

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
    """Queries ``(B, H, M, d)``, keys ``(B, H, N, d)`` and values ``(B, H, N, e)``, ready to attend with."""

    queries: Tensor
    keys: Tensor
    values: Tensor


def split_heads(vectors: Tensor, heads: int) -> Tensor:
    """View ``(..., N, H * d)`` as ``(..., H, N, d)``; nothing is copied."""
    return vectors.view(*vectors.shape[:-1], heads, -1).transpose(-3, -2)


def attend_with(projected: Projected, visible: Tensor | None, dropout: float) -> Tensor:
    """Softmax attention, scaled by the root of the head width; gives ``(B, H, M, e)``.

    ``visible`` ``(B, N)`` bool, True where an input may be attended to; None shows all. Every row must
    show one input at least. The fused operation is used except in bf16 on the CPU, where its backward
    pass takes two to ten times as long as the three plain operations (see ``benchmarks/attention.py``).
    """
    queries, keys, values = projected
    if visible is not None and may_look(visible) and bool(visible.all()):
        visible = None
    mask = None if visible is None else visible[:, None, None, :]  # (B, 1, 1, N)
    if not in_bf16_on_cpu(queries):
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, dropout_p=dropout)
    scores = torch.matmul(queries * queries.shape[-1] ** -0.5, keys.transpose(-2, -1))  # (B, H, M, N)
    if mask is not None:
        scores = scores.masked_fill_(~mask, torch.finfo(scores.dtype).min)  # in place: the product needs it not
    probabilities = functional.dropout(scores.softmax(dim=-1), dropout)
    return torch.matmul(probabilities, values)


def in_bf16_on_cpu(tensor: Tensor) -> bool:
    """Whether a tensor is where casts and fused attention cost more than the products they serve."""
    return tensor.dtype == torch.bfloat16 and tensor.device.type == "cpu"


def may_look(tensor: Tensor) -> bool:
    """Whether work may follow from a tensor's values: only on the CPU, where no other device is waited for."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


class AttentionLayer(nn.Module):
    """What both kinds of layer do after projecting: attend, add the queries, then the MLP with residual."""

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
        """Attend, then the MLP; gives ``(B, M, D)``.

        ``residual`` are the queries before their LayerNorm, ``(M, D)`` or ``(B, M, D)``. ``visible`` is
        ``(B, N)`` bool, True where an input may be attended to; None shows all. ``plain`` leaves all dropout out,
        in training too. In bf16 on the CPU what is added up from layer to layer is bf16 as well, so that nothing
        is cast to and fro between the products; elsewhere it keeps the kind of ``residual``.
        """
        settings, noisy = self.settings, self.training and not plain
        context = attend_with(projected, visible, settings.attention_dropout if noisy else 0.0)
        attended: Tensor = self.output(context.transpose(1, 2).flatten(2))  # (B, H, M, e) -> (B, M, D)
        attended = functional.dropout(attended, settings.dropout, noisy)
        if settings.query_residual:
            beside = residual.to(attended.dtype) if in_bf16_on_cpu(attended) else residual
            attended = self._pass_by(attended, noisy) + beside
        change = self.mlp_out(functional.gelu(self.mlp_in(self.mlp_norm(attended))))
        return attended + self._pass_by(functional.dropout(change, settings.dropout, noisy), noisy)

    def _pass_by(self, change: Tensor, noisy: bool) -> Tensor:
        """Leave out ``change`` ``(B, M, D)`` for a random part of the rows (drop path), the rest made up for."""
        rate = self.settings.drop_path
        if rate == 0.0 or not noisy:
            return change
        kept = torch.rand(change.shape[0], 1, 1, device=change.device) >= rate  # (B, 1, 1)
        return change * kept / (1.0 - rate)


class CrossAttentionLayer(AttentionLayer):
    """Queries attend to other inputs. Only the queries have a LayerNorm in front."""

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
        """Let queries attend to inputs; gives ``(B, M, D)``.

        Queries ``(M, D)`` or ``(B, M, D)``, inputs ``(B, N, input_width)``, visible ``(B, N)`` bool.
        """
        return self.attend(self.project(queries, inputs), queries, visible)


class SelfAttentionLayer(AttentionLayer):
    """A sequence attends to itself, behind one LayerNorm."""

    def __init__(self, settings: LayerSettings) -> None:
        super().__init__(settings)
        self.norm = nn.LayerNorm(settings.width)
        self.query_key_value = nn.Linear(
            settings.width, 2 * settings.query_key_width + settings.width, bias=settings.bias
        )

    def project(self, sequence: Tensor) -> Projected:
        """Project ``(B, N, D)`` to queries, keys and values of the same sequence."""
        width = self.settings.query_key_width
        parts = self.query_key_value(self.norm(sequence)).split((width, width, self.settings.width), dim=-1)
        return Projected(*(split_heads(part, self.settings.heads) for part in parts))

    def forward(self, sequence: Tensor, visible: Tensor | None = None) -> Tensor:
        """Let ``sequence`` ``(B, N, D)`` attend to its visible part, ``(B, N)`` bool; gives ``(B, N, D)``."""
        return self.attend(self.project(sequence), sequence, visible)
