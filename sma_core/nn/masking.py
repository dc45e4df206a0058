"""Choosing what to hide from the model's own attention (paper, section 3).

Pure functions of tensors, for the whole batch at once: no loop over rows, no wait for the device, and
shapes that follow from the padded length alone. All randomness comes in as `MaskNoise`; everything after
`draw_noise` is a deterministic function of its arguments.

Built-in strategies are a *ranking* of the positions and a number to hide: importance ranks for ``guided``, noise
for ``random``, and the annealed forms rank by both. `sma_core.nn.counts` says how many.

Shapes: B batch, H heads, Q queries (M latents, or N inputs with self-attention), N padded length, R drawn
queries, K most positions that a row of length N can hide, d width of one head's queries and keys.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from sma_core.config.models import MaskingConfig
from sma_core.nn.counts import (
    hidden_counts,
    largest_hidden_count,
    row_query_counts,
    shares,
    wanted,
)


class MaskNoise(NamedTuple):
    """All that is left to chance in a mask.

    Uniform numbers in [0, 1), float32: ``queries`` ``(B, Q)`` decide which queries are drawn, ``positions``
    ``(B, N)`` which positions the random part takes, ``heads`` ``(B, Q)`` the head of each query under
    ``random_mix``. ``randomness`` is a float64 scalar from 1 (the first step) to 0 (guided alone): where an
    annealed choice stands.
    """

    queries: Tensor
    positions: Tensor
    heads: Tensor
    randomness: Tensor


class Mask(NamedTuple):
    """What is hidden, and a list of the positions that count in the loss.

    ``hidden`` ``(B, N)`` bool; ``positions`` ``(B, K)`` int64, the positions to reconstruct, of each row first;
    ``valid`` ``(B, K)`` bool, True where an entry of ``positions`` is one.
    """

    hidden: Tensor
    positions: Tensor
    valid: Tensor

    def cut(self) -> Mask:
        """Leave out last ``positions`` that count in no row, in whole steps (`in_steps`); waits for the device."""
        last = in_steps(used_columns(self.valid), self.valid.shape[1])
        return self._replace(positions=self.positions[:, :last], valid=self.valid[:, :last])


def used_columns(mask: Tensor) -> int:
    """How many columns of ``(B, N)`` bool there are up to the last True, at least 1; this waits for the device."""
    columns: list[int] = mask.any(dim=0).nonzero().flatten().tolist()
    return max([0, *columns]) + 1


LENGTH_STEP = 8
"""Lengths that follow from values are rounded up to multiples of this (see `in_steps`)."""


def in_steps(length: int, most: int) -> int:
    """Round a length up to the next multiple of `LENGTH_STEP`, at most ``most``.

    What multiplies matrices on the CPU keeps code and tables for every shape that it meets: where lengths were as
    they fall, a small model would take more memory for these than for all else.
    """
    return min(-(-length // LENGTH_STEP) * LENGTH_STEP, most)


class Draw(NamedTuple):
    """Drawn ``queries`` ``(B, R)`` int64, where they are ``valid`` ``(B, R)`` bool, their ``heads`` ``(B, R)``."""

    queries: Tensor
    valid: Tensor
    heads: Tensor | None


def draw_noise(
    rows: int,
    queries: int,
    length: int,
    generator: torch.Generator,
    device: torch.device | str,
    randomness: float = 0.0,
) -> MaskNoise:
    """Draw the noise of one batch of ``rows`` rows, ``queries`` queries and padded length ``length``.

    The numbers are drawn where ``generator`` lives and then moved to ``device``, so that a CPU
    generator gives the same noise whatever the device.
    """
    sizes = (queries, length, queries)
    on_queries, on_positions, on_heads = (
        torch.rand(rows, size, generator=generator, device=generator.device).to(device) for size in sizes
    )
    scale = torch.full((), randomness, dtype=torch.float64, device=device)
    return MaskNoise(on_queries, on_positions, on_heads, scale)


def draw_queries(
    noise: MaskNoise, masking: MaskingConfig, padding_mask: Tensor, heads: int, of_inputs: bool
) -> Draw:
    """Draw different queries for each row; padding_mask ``(B, N)`` bool, True where real.

    ``of_inputs`` says that the queries are the inputs themselves (self-attention): then only real ones are
    drawn, and as many as the row's own length asks for.
    """
    length, count = padding_mask.shape[1], noise.queries.shape[1]
    most = min(max(math.ceil(length * masking.ratio / masking.keys_per_query), 1), count)
    lengths = padding_mask.sum(dim=1)
    counts = row_query_counts(lengths, length, count, masking, of_inputs)  # (B,)
    ranked = noise.queries.masked_fill(~padding_mask, -1.0) if of_inputs else noise.queries
    drawn = ranked.topk(most, dim=1).indices  # (B, R)
    valid = torch.arange(most, device=drawn.device) < counts[:, None]
    if masking.head_aggregation == "mean":
        return Draw(drawn, valid, None)
    return Draw(drawn, valid, (noise.heads.gather(1, drawn) * heads).to(torch.int64).clamp(max=heads - 1))


def query_scores(queries: Tensor, keys: Tensor, drawn: Tensor) -> Tensor:
    """Scaled attention scores of the drawn queries only, in float32 or wider.

    Queries ``(B, H, Q, d)``, keys ``(B, H, N, d)``, drawn ``(B, R)`` int64; gives ``(B, H, R, N)``.
    """
    kind = torch.promote_types(queries.dtype, torch.float32)
    chosen = queries.take_along_dim(drawn[:, None, :, None], dim=2).to(kind)  # (B, H, R, d)
    with torch.autocast(queries.device.type, enabled=False):
        return torch.matmul(chosen / math.sqrt(queries.shape[-1]), keys.to(kind).transpose(-2, -1))


def attention_of(scores: Tensor, real: Tensor, heads: Tensor | None = None) -> Tensor:
    """Attention of drawn queries over real keys, one number a key.

    Scores ``(B, H, R, N)``, real ``(B, N)`` bool; heads ``(B, R)`` int64 the head that speaks for each query, None
    for the mean over all. Gives ``(B, R, N)``.
    """
    probabilities = scores.masked_fill(~real[:, None, None, :], -math.inf).softmax(dim=-1)
    if heads is None:
        return probabilities.mean(dim=1)
    return probabilities.take_along_dim(heads[:, None, :, None], dim=1)[:, 0]  # (B, 1, R, N) -> (B, R, N)


def importance(attention: Tensor, draw: Draw, heads: int, mask_self: bool = False) -> Tensor:
    """How much the drawn queries attend to each position: attention ``(B, R, N)`` to ``(B, N)``.

    With ``mask_self`` (self-attention) the drawn queries' own positions get ``heads``, more than nearly all sums.
    """
    total = (attention * draw.valid[:, :, None]).sum(dim=1)  # (B, N)
    if not mask_self:
        return total
    own = torch.zeros_like(total).scatter_add(1, draw.queries, draw.valid.to(total.dtype)) > 0
    return total.masked_fill(own, float(heads))


def choose(ranking: Tensor, padding_mask: Tensor, counts: Tensor, most: int) -> Mask:
    """Take the ``counts`` ``(B,)`` real positions with the largest ``ranking`` ``(B, N)``; among equals the first.

    ``ranking`` holds no number under -0.5; padding_mask ``(B, N)`` bool, True where real; ``most`` is K, at
    least every count.
    """
    ordered = ranking.masked_fill(~padding_mask, -1.0).sort(dim=1, descending=True, stable=True).indices
    positions = ordered[:, :most]  # (B, K)
    valid = torch.arange(positions.shape[1], device=ranking.device) < counts[:, None]  # (B, K)
    return Mask(torch.zeros_like(padding_mask).scatter(1, positions, valid), positions, valid)


def rank_annealed(
    ranking: Tensor, padding_mask: Tensor, masking: MaskingConfig, noise: MaskNoise
) -> tuple[Tensor, Tensor]:
    """Rank by importance and chance together; gives a ranking ``(B, N)`` and the counts ``(B,)`` to hide.

    ``mix``: the most important positions first, for their share; then any others at random. ``candidates``: a top
    set larger than needed, in random order.
    """
    lengths, length = padding_mask.sum(dim=1), padding_mask.shape[1]
    top_share, random_share = shares(masking, noise.randomness)
    counts = hidden_counts(lengths, length, masking, noise.randomness)
    top = wanted(lengths, length, top_share, masking.varying_length)
    if masking.anneal == "candidates":
        top = torch.maximum(top, counts)
    elif random_share is not None:
        top = torch.minimum(top, counts)
    chosen = choose(ranking, padding_mask, torch.minimum(top, lengths), length).hidden
    if masking.anneal == "candidates":
        return noise.positions.masked_fill(~chosen, -0.5), counts
    return noise.positions.masked_fill(chosen, 2.0), counts


def hide(
    ranking: Tensor, padding_mask: Tensor, masking: MaskingConfig, noise: MaskNoise, annealed: bool = True
) -> Mask:
    """Hide by ``ranking`` ``(B, N)`` and list what counts in the loss.

    Where ``annealed``, chance takes a part in the choice as ``masking.anneal`` says.
    """
    lengths, length = padding_mask.sum(dim=1), padding_mask.shape[1]
    if masking.anneal is not None and annealed:
        ranking, counts = rank_annealed(ranking, padding_mask, masking, noise)
    else:
        counts = hidden_counts(lengths, length, masking)
    mask = choose(ranking, padding_mask, counts, largest_hidden_count(length, masking))
    return every_position(padding_mask, mask.hidden) if masking.reconstruct == "all" else mask


def every_position(padding_mask: Tensor, hidden: Tensor) -> Mask:
    """`Mask` that hides ``hidden`` ``(B, N)`` and reconstructs every real position."""
    positions = torch.arange(padding_mask.shape[1], device=padding_mask.device).expand_as(padding_mask)
    return Mask(hidden, positions, padding_mask)
