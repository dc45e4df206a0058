"""Choosing what to hide from the model's own first attention (paper, section 3).

Pure functions of tensors, for the whole batch at once: no loop over rows, no wait for the device, and
shapes that follow from the padded length alone. All randomness comes in as `MaskNoise`; everything after
`draw_noise` is a deterministic function of its arguments.

Counts: each row hides ``round(r * n_b)`` of its ``n_b`` real positions (float32, half to even), at least
one and at most all but one. A row with a single real position cannot both hide and show it: it hides
nothing and adds nothing to the loss. Padding is never hidden.

Shapes: B batch, H heads, M latents (queries), N padded length, R drawn queries, K most positions that a
row of length N can hide, d width of one head's queries and keys.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from sma_core.config.models import MaskingConfig


class MaskNoise(NamedTuple):
    """Uniform numbers in [0, 1): ``queries`` ``(B, M)`` and ``positions`` ``(B, N)``, float32."""

    queries: Tensor
    positions: Tensor


class Mask(NamedTuple):
    """What is hidden, as a picture and as a list.

    ``hidden`` ``(B, N)`` bool; ``positions`` ``(B, K)`` int64, the hidden positions of each row first;
    ``valid`` ``(B, K)`` bool, True where an entry of ``positions`` is a hidden position.
    """

    hidden: Tensor
    positions: Tensor
    valid: Tensor


def draw_noise(
    rows: int, latents: int, length: int, generator: torch.Generator, device: torch.device | str
) -> MaskNoise:
    """Draw the noise of one batch of ``rows`` rows, ``latents`` queries and padded length ``length``.

    The numbers are drawn where ``generator`` lives and then moved to ``device``, so that a CPU
    generator gives the same noise whatever the device.
    """
    queries = torch.rand(rows, latents, generator=generator, device=generator.device)
    positions = torch.rand(rows, length, generator=generator, device=generator.device)
    return MaskNoise(queries.to(device), positions.to(device))


def query_count(length: int, ratio: float, keys_per_query: float, latents: int) -> int:
    """Give the number R of queries to draw: ``round(N * r / k)``, at least 1 and at most M.

    When it equals ``latents``, all queries are drawn and the choice has no randomness left.
    """
    return min(max(round(length * ratio / keys_per_query), 1), latents)


def hidden_counts(lengths: Tensor, ratio: float) -> Tensor:
    """Give the number of positions to hide, ``(B,)`` int64, in rows of real lengths ``(B,)`` int64."""
    wanted = torch.round(lengths.to(torch.float32) * ratio).to(torch.int64)  # half to even
    return torch.minimum(wanted.clamp(min=1), (lengths - 1).clamp(min=0))


def largest_hidden_count(length: int, ratio: float) -> int:
    """Give K, an upper bound of `hidden_counts` for padded length ``length``, without asking the device."""
    return min(max(math.ceil(length * ratio), 1), max(length - 1, 1))


def draw_queries(noise: Tensor, count: int) -> Tensor:
    """Draw ``count`` different queries a row from uniform noise ``(B, M)``; gives ``(B, R)`` int64."""
    return noise.topk(count, dim=1).indices


def query_scores(queries: Tensor, keys: Tensor, drawn: Tensor) -> Tensor:
    """Scaled attention scores of the drawn queries only, in float32 or wider.

    Queries ``(B, H, M, d)``, keys ``(B, H, N, d)``, drawn ``(B, R)`` int64; gives ``(B, H, R, N)``.
    """
    kind = torch.promote_types(queries.dtype, torch.float32)
    chosen = queries.take_along_dim(drawn[:, None, :, None], dim=2).to(kind)  # (B, H, R, d)
    with torch.autocast(queries.device.type, enabled=False):
        return torch.matmul(chosen / math.sqrt(queries.shape[-1]), keys.to(kind).transpose(-2, -1))


def importance(scores: Tensor, padding_mask: Tensor) -> Tensor:
    """How much the drawn queries attend to each position.

    Scores ``(B, H, R, N)``, padding_mask ``(B, N)`` bool, True where real; gives ``(B, N)``: softmax over
    the real keys, mean over heads, sum over queries.
    """
    real = padding_mask[:, None, None, :]
    return scores.masked_fill(~real, -math.inf).softmax(dim=-1).mean(dim=1).sum(dim=1)


def choose(ranking: Tensor, padding_mask: Tensor, ratio: float) -> Mask:
    """Hide the real positions with the largest ``ranking`` ``(B, N)``; among equals the first ones.

    ``ranking`` holds numbers that are not negative; padding_mask ``(B, N)`` bool, True where real.
    """
    counts = hidden_counts(padding_mask.sum(dim=1), ratio)  # (B,)
    ordered = ranking.masked_fill(~padding_mask, -1.0).sort(dim=1, descending=True, stable=True).indices
    positions = ordered[:, : largest_hidden_count(ranking.shape[1], ratio)]  # (B, K)
    valid = torch.arange(positions.shape[1], device=ranking.device) < counts[:, None]  # (B, K)
    return Mask(torch.zeros_like(padding_mask).scatter(1, positions, valid), positions, valid)


@torch.no_grad()
def choose_mask(
    queries: Tensor, keys: Tensor, padding_mask: Tensor, masking: MaskingConfig, noise: MaskNoise
) -> Mask:
    """Choose what to hide from the projected queries ``(B, H, M, d)`` and keys ``(B, H, N, d)``.

    With the strategy ``random`` the position noise alone decides. No gradient flows through the choice.
    """
    if masking.strategy == "random":
        return choose(noise.positions, padding_mask, masking.ratio)
    count = query_count(keys.shape[2], masking.ratio, masking.keys_per_query, queries.shape[2])
    drawn = draw_queries(noise.queries, count)
    return choose(importance(query_scores(queries, keys, drawn), padding_mask), padding_mask, masking.ratio)
