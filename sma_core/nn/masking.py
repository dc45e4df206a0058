"""Choice of masked positions from the model's own attention (paper, section 3).

Pure functions of tensors, vectorised over the batch, without device synchronisation; shapes depend on the padded
length only. All randomness is in `MaskNoise`; after `draw_noise` everything is deterministic.

A built-in strategy ranks the positions and hides the top ones: ``guided`` ranks by importance, ``random`` by
noise, annealed strategies by both. `sma_core.nn.guidance.counts` computes the number to hide.

Shapes: B batch, H heads, Q queries (M latents, or N inputs with self-attention), N padded length, R drawn
queries, K maximum number of hidden positions for length N, d width of one head's queries and keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from sma_core.config.masking import MaskingConfig
from sma_core.nn.guidance.counts import (
    hidden_counts,
    largest_hidden_count,
    row_query_counts,
    shares,
    wanted,
)
from sma_core.plugin_calls import given


class MaskNoise(NamedTuple):
    """Random numbers from which a mask is computed.

    Uniform in [0, 1), float32: ``queries`` ``(B, Q)`` select the drawn queries, ``positions`` ``(B, N)`` the
    randomly hidden positions, ``heads`` ``(B, Q)`` the head of each query under ``random_mix``. ``randomness`` is
    the progress of annealing, a float64 scalar from 1 (first step) to 0 (annealing has ended).
    """

    queries: Tensor
    positions: Tensor
    heads: Tensor
    randomness: Tensor


class Mask(NamedTuple):
    """The hidden positions, and the positions scored in the loss.

    ``hidden`` ``(B, N)`` bool; ``positions`` ``(B, K)`` int64, the positions to reconstruct, followed by unused
    entries; ``valid`` ``(B, K)`` bool, True for used entries of ``positions``.
    """

    hidden: Tensor
    positions: Tensor
    valid: Tensor

    def cut(self) -> Mask:
        """Drop trailing columns of ``positions`` unused in all rows, in `LENGTH_STEP` units; synchronises."""
        length = in_steps(used_columns(self.valid), self.valid.shape[1])
        return self._replace(positions=self.positions[:, :length], valid=self.valid[:, :length])


def used_columns(mask: Tensor) -> int:
    """Return the number of columns of ``(B, N)`` bool up to the last True, at least 1; synchronises the device."""
    columns: list[int] = mask.any(dim=0).nonzero().flatten().tolist()
    return max([0, *columns]) + 1


def may_be_hidden(inputs: Tensor, padding_mask: Tensor) -> Tensor:
    """Return the positions ``(B, N)`` that may be hidden: real, and with a known value to reconstruct.

    ``inputs`` are ids ``(B, L)`` or numbers ``(B, L, C)``, NaN where missing; ``padding_mask`` ``(B, N)`` is False
    from L on.
    """
    if inputs.dim() == 2:
        return padding_mask
    known = ~inputs.isnan().all(dim=2)  # (B, L)
    return padding_mask & functional.pad(known, (0, padding_mask.shape[1] - known.shape[1]))


LENGTH_STEP = 8
"""Lengths computed from tensor values are rounded up to multiples of this (see `in_steps`)."""


def in_steps(length: int, most: int) -> int:
    """Round a length up to the next multiple of `LENGTH_STEP`, at most ``most``.

    The CPU's matrix library caches code per shape: with arbitrary lengths a small model would need more memory
    for this cache than for everything else.
    """
    return min(-(-length // LENGTH_STEP) * LENGTH_STEP, most)


class Draw(NamedTuple):
    """Drawn queries: ``queries`` ``(B, R)`` int64, ``valid`` ``(B, R)`` bool, and ``heads`` ``(B, R)`` or None."""

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
    """Draw the noise for one batch of ``rows`` rows, ``queries`` queries and padded length ``length``.

    The numbers are drawn on the device of ``generator`` and moved to ``device``, so that a CPU generator gives
    the same noise on every device.
    """
    sizes = (queries, length, queries)
    query_noise, position_noise, head_noise = (
        torch.rand(rows, size, generator=generator, device=generator.device).to(device) for size in sizes
    )
    scale = torch.full((), randomness, dtype=torch.float64, device=device)
    return MaskNoise(query_noise, position_noise, head_noise, scale)


def draw_queries(
    noise: MaskNoise, masking: MaskingConfig, padding_mask: Tensor, heads: int, of_inputs: bool
) -> Draw:
    """Draw queries for each row; ``padding_mask`` ``(B, N)`` bool is True at real positions.

    With ``of_inputs`` the queries are the inputs themselves (self-attention): only real ones are drawn, in a
    number that depends on the row's length.
    """
    length, count = padding_mask.shape[1], noise.queries.shape[1]
    max_drawn = min(max(math.ceil(length * masking.ratio / masking.keys_per_query), 1), count)
    lengths = padding_mask.sum(dim=1)
    counts = row_query_counts(lengths, length, count, masking, of_inputs)  # (B,)
    ranked = noise.queries.masked_fill(~padding_mask, -1.0) if of_inputs else noise.queries
    indices = ranked.topk(max_drawn, dim=1).indices  # (B, R)
    valid = torch.arange(max_drawn, device=indices.device) < counts[:, None]
    if masking.head_aggregation == "mean":
        return Draw(indices, valid, None)
    return Draw(indices, valid, (noise.heads.gather(1, indices) * heads).to(torch.int64).clamp(max=heads - 1))


def query_scores(queries: Tensor, keys: Tensor, drawn: Tensor) -> Tensor:
    """Compute the scaled attention scores of the drawn queries, in float32 or wider.

    ``queries`` ``(B, H, Q, d)``, ``keys`` ``(B, H, N, d)``, ``drawn`` ``(B, R)`` int64; returns ``(B, H, R, N)``.
    """
    dtype = torch.promote_types(queries.dtype, torch.float32)
    selected = queries.take_along_dim(drawn[:, None, :, None], dim=2).to(dtype)  # (B, H, R, d)
    with torch.autocast(queries.device.type, enabled=False):
        return torch.matmul(selected / math.sqrt(queries.shape[-1]), keys.to(dtype).transpose(-2, -1))


def attention_of(scores: Tensor, real: Tensor, heads: Tensor | None = None) -> Tensor:
    """Compute the attention of drawn queries over real keys, ``(B, R, N)``.

    ``scores`` ``(B, H, R, N)``, ``real`` ``(B, N)`` bool; ``heads`` ``(B, R)`` int64 is the head to use for each
    query, None for the mean over heads.
    """
    probabilities = scores.masked_fill(~real[:, None, None, :], -math.inf).softmax(dim=-1)
    if heads is None:
        return probabilities.mean(dim=1)
    return probabilities.take_along_dim(heads[:, None, :, None], dim=1)[:, 0]  # (B, 1, R, N) -> (B, R, N)


def importance(attention: Tensor, draw: Draw, heads: int, mask_self: bool = False) -> Tensor:
    """Sum the attention ``(B, R, N)`` of the drawn queries to each position, ``(B, N)``.

    With ``mask_self`` (self-attention) the drawn queries' own positions get the value ``heads``, larger than
    almost all sums.
    """
    total = (attention * draw.valid[:, :, None]).sum(dim=1)  # (B, N)
    if not mask_self:
        return total
    is_query = torch.zeros_like(total).scatter_add(1, draw.queries, draw.valid.to(total.dtype)) > 0
    return total.masked_fill(is_query, float(heads))


def choose(ranking: Tensor, padding_mask: Tensor, counts: Tensor, most: int) -> Mask:
    """Hide the ``counts`` ``(B,)`` real positions with the largest ``ranking`` ``(B, N)``; ties go to the first.

    ``ranking`` must be at least -0.5 everywhere; ``padding_mask`` ``(B, N)`` bool is True at real positions;
    ``most`` is K, at least the largest count.
    """
    ordered = ranking.masked_fill(~padding_mask, -1.0).sort(dim=1, descending=True, stable=True).indices
    positions = ordered[:, :most]  # (B, K)
    valid = torch.arange(positions.shape[1], device=ranking.device) < counts[:, None]  # (B, K)
    return Mask(torch.zeros_like(padding_mask).scatter(1, positions, valid), positions, valid)


def rank_annealed(
    ranking: Tensor, padding_mask: Tensor, masking: MaskingConfig, noise: MaskNoise
) -> tuple[Tensor, Tensor]:
    """Combine importance and noise; return a ranking ``(B, N)`` and the counts ``(B,)`` to hide.

    ``mix``: the top share by importance first, then other positions in random order. ``candidates``: a top set
    larger than the count, in random order.
    """
    lengths, length = padding_mask.sum(dim=1), padding_mask.shape[1]
    top_share, random_share = shares(masking, noise.randomness)
    counts = hidden_counts(lengths, length, masking, noise.randomness)
    top = wanted(lengths, length, top_share, masking.varying_length)
    if masking.anneal == "candidates":
        top = torch.maximum(top, counts)
    elif random_share is not None:
        top = torch.minimum(top, counts)
    top_mask = choose(ranking, padding_mask, torch.minimum(top, lengths), length).hidden
    if masking.anneal == "candidates":
        return noise.positions.masked_fill(~top_mask, -0.5), counts
    return noise.positions.masked_fill(top_mask, 2.0), counts


_rankings: ContextVar[list[Tensor] | None] = ContextVar("rankings", default=None)


@contextmanager
def seen_rankings() -> Iterator[list[Tensor]]:
    """Collect the rankings that `hide` gets within the context, to look for NaN in those of a plugin."""
    seen: list[Tensor] = []
    token = _rankings.set(seen)
    try:
        yield seen
    finally:
        _rankings.reset(token)


def hide(
    ranking: Tensor, padding_mask: Tensor, masking: MaskingConfig, noise: MaskNoise, annealed: bool = True
) -> Mask:
    """Return the mask that hides the top positions of ``ranking`` ``(B, N)``.

    With ``annealed`` part of the choice is random, as set by ``masking.anneal``. Raises `ValueError` when the
    ranking has another shape than ``padding_mask`` ``(B, N)``.
    """
    if not isinstance(ranking, Tensor) or ranking.shape != padding_mask.shape:
        raise ValueError(
            f"the ranking must have a number for each position of padding_mask, a tensor of shape (B, N) = "
            f"{tuple(padding_mask.shape)}, not {given(ranking)}"
        )
    seen = None if torch.compiler.is_compiling() else _rankings.get()
    if seen is not None:
        seen.append(ranking)
    lengths, length = padding_mask.sum(dim=1), padding_mask.shape[1]
    if masking.anneal is not None and annealed:
        ranking, counts = rank_annealed(ranking, padding_mask, masking, noise)
    else:
        counts = hidden_counts(lengths, length, masking)
    mask = choose(ranking, padding_mask, counts, largest_hidden_count(length, masking))
    return every_position(padding_mask, mask.hidden) if masking.reconstruct == "all" else mask


def every_position(padding_mask: Tensor, hidden: Tensor) -> Mask:
    """Return the mask that hides ``hidden`` ``(B, N)`` and reconstructs every real position."""
    positions = torch.arange(padding_mask.shape[1], device=padding_mask.device).expand_as(padding_mask)
    return Mask(hidden, positions, padding_mask)
