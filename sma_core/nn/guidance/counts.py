"""Numbers of queries to draw and of positions to hide (paper, section 3; rounding as in the authors' code).

A row hides ``round(r * n_b)`` of its ``n_b`` real positions (float32, half to even), or, with fixed length,
``round(r * N)`` of the padded length (float64). Unlike the authors' code, every row hides at least one position
and keeps at least one visible; a row with one real position hides nothing and adds nothing to the loss.

Symbols: B batch, N padded length, n_b real length of row b, Q queries, r masking ratio, k keys per query, t
randomness of an annealed choice (1 at the first step, 0 once annealing has ended).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sma_core.config.masking import MaskingConfig


def query_count(length: int, ratio: float, keys_per_query: float, queries: int) -> int:
    """Return the number of queries to draw for padded length N: ``round(N * r / k)``, clipped to [1, Q].

    If it equals ``queries``, all queries are drawn and the choice is deterministic.
    """
    return min(max(round(length * ratio / keys_per_query), 1), queries)


def row_query_counts(
    lengths: Tensor, length: int, queries: int, masking: MaskingConfig, of_inputs: bool
) -> Tensor:
    """Return the number of queries to draw in each row, ``(B,)`` int64; ``lengths`` ``(B,)`` int64 are the n_b.

    Self-attention (``of_inputs``) with varying length uses each row's length; all else the padded length N.
    """
    if of_inputs and masking.varying_length:
        counts = torch.round(lengths.to(torch.float32) * masking.ratio / masking.keys_per_query).to(torch.int64)
        return torch.minimum(counts.clamp(min=1), lengths)
    count = query_count(length, masking.ratio, masking.keys_per_query, queries)
    counts = torch.full_like(lengths, count)
    return torch.minimum(counts, lengths) if of_inputs else counts


def wanted(lengths: Tensor, length: int, share: float | Tensor, varying_length: bool) -> Tensor:
    """Return a share of each row's real length n_b (float32) or of the padded length N (float64), ``(B,)`` int64.

    Rounds half to even. ``share`` is a number or a float64 scalar tensor.
    """
    share = torch.as_tensor(share, dtype=torch.float64, device=lengths.device)
    if varying_length:
        return torch.round(lengths.to(torch.float32) * share.to(torch.float32)).to(torch.int64)
    return torch.round(length * share).to(torch.int64).expand_as(lengths)


def hidden_counts(
    lengths: Tensor, length: int, masking: MaskingConfig, randomness: Tensor | None = None
) -> Tensor:
    """Return the number of positions to hide per row, ``(B,)`` int64, from real lengths ``(B,)`` and N.

    ``randomness`` (t) affects ``mix`` only, which rounds the guided and the random part separately.
    """
    guided_share, random_share = (masking.ratio, None) if randomness is None else shares(masking, randomness)
    if masking.anneal == "candidates" or random_share is None:
        counts = wanted(lengths, length, masking.ratio, masking.varying_length)
    else:
        counts = wanted(lengths, length, guided_share, masking.varying_length)
        counts = counts + wanted(lengths, length, random_share, masking.varying_length)
    return torch.minimum(counts.clamp(min=1), (lengths - 1).clamp(min=0))


def shares(masking: MaskingConfig, randomness: Tensor) -> tuple[float | Tensor, Tensor | None]:
    """Return the share of positions chosen by importance and the share added at random (``mix``), else None.

    With s ``anneal_start``, e ``anneal_end`` and f = e + (s - e) t: ``mix`` r (1 - f) and r f; ``candidates`` f,
    of which a random subset is hidden.
    """
    ratio, start, end = masking.ratio, masking.anneal_start, masking.last_fraction
    fraction = end + (start - end) * randomness
    if masking.anneal == "mix":
        return ratio * (1.0 - fraction), ratio * fraction
    return fraction, None


def largest_hidden_count(length: int, masking: MaskingConfig) -> int:
    """Return K, an upper bound of `hidden_counts` for padded length N, without device synchronisation."""
    bound = math.ceil(length * masking.ratio) + (1 if masking.anneal == "mix" else 0)
    return min(max(bound, 1), max(length - 1, 1))


def largest_visible_count(length: int, masking: MaskingConfig) -> int:
    """Return an upper bound of the number of visible positions in a row of padded length N."""
    min_hidden = math.floor(length * masking.ratio) - (1 if masking.anneal == "mix" else 0)
    return length - min(max(min_hidden, 0), max(length - 1, 0))


def randomness_at(step: int, steps: int, masking: MaskingConfig) -> float:
    """Return t at ``step`` (from 0): a cosine from 1 to 0 over the first ``anneal_over`` of ``steps``, then 0."""
    anneal_steps = round(steps * masking.anneal_over)
    if masking.anneal is None or step >= anneal_steps:
        return 0.0
    return 0.5 * (1.0 + math.cos(math.pi * step / anneal_steps))
