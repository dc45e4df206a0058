"""How many queries are drawn and how many positions hidden (paper, section 3; quirks of the authors' rounding).

A row hides ``round(r * n_b)`` of its ``n_b`` real positions (float32, half to even), or, with fixed length,
``round(r * N)`` of the padded length (float64). Ours always hides one position at least and shows one at least; a
row with a single real position cannot do both, hides nothing and adds nothing to the loss.

Letters: B batch, N padded length, n_b real length of row b, Q queries, r masking ratio, k keys per query, t
randomness of an annealed choice (1 at the first step, 0 at the end).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sma_core.config.models import MaskingConfig


def query_count(length: int, ratio: float, keys_per_query: float, queries: int) -> int:
    """Give the number of queries to draw for padded length N: ``round(N * r / k)``, at least 1 and at most Q.

    When it equals ``queries``, all are drawn and the choice has no randomness left.
    """
    return min(max(round(length * ratio / keys_per_query), 1), queries)


def row_query_counts(
    lengths: Tensor, length: int, queries: int, masking: MaskingConfig, of_inputs: bool
) -> Tensor:
    """Give the number of queries to draw in each row, ``(B,)`` int64; ``lengths`` ``(B,)`` int64 are the n_b.

    Cross-attention, and fixed length: by the padded length N. Self-attention with varying length: by each row's
    own.
    """
    if of_inputs and masking.varying_length:
        counts = torch.round(lengths.to(torch.float32) * masking.ratio / masking.keys_per_query).to(torch.int64)
        return torch.minimum(counts.clamp(min=1), lengths)
    count = query_count(length, masking.ratio, masking.keys_per_query, queries)
    counts = torch.full_like(lengths, count)
    return torch.minimum(counts, lengths) if of_inputs else counts


def wanted(lengths: Tensor, length: int, share: float | Tensor, varying_length: bool) -> Tensor:
    """Round a share of each row's real length n_b (float32), or of the padded length N (float64), half to even.

    Gives ``(B,)`` int64. ``share`` is a number or a float64 scalar.
    """
    share = torch.as_tensor(share, dtype=torch.float64, device=lengths.device)
    if varying_length:
        return torch.round(lengths.to(torch.float32) * share.to(torch.float32)).to(torch.int64)
    return torch.round(length * share).to(torch.int64).expand_as(lengths)


def hidden_counts(
    lengths: Tensor, length: int, masking: MaskingConfig, randomness: Tensor | None = None
) -> Tensor:
    """Give the number of positions to hide, ``(B,)`` int64, in rows of real lengths ``(B,)`` and padded length N.

    ``randomness`` (t) matters for ``mix`` only: there the guided and the random part are rounded apart.
    """
    guided, chance = (masking.ratio, None) if randomness is None else shares(masking, randomness)
    if masking.anneal == "candidates" or chance is None:
        counts = wanted(lengths, length, masking.ratio, masking.varying_length)
    else:
        counts = wanted(lengths, length, guided, masking.varying_length)
        counts = counts + wanted(lengths, length, chance, masking.varying_length)
    return torch.minimum(counts.clamp(min=1), (lengths - 1).clamp(min=0))


def shares(masking: MaskingConfig, randomness: Tensor) -> tuple[float | Tensor, Tensor | None]:
    """Give the share of positions that importance takes, and the share that chance adds (``mix``).

    ``mix``: r (1 - s t) and r s t. ``candidates``: r + (s - r) t, from which chance picks. s is ``anneal_start``.
    """
    ratio, start = masking.ratio, masking.anneal_start
    if masking.anneal == "mix":
        return ratio * (1.0 - start * randomness), ratio * start * randomness
    return ratio + (start - ratio) * randomness, None


def largest_hidden_count(length: int, masking: MaskingConfig) -> int:
    """Give K, an upper bound of `hidden_counts` for padded length N, without asking the device."""
    most = math.ceil(length * masking.ratio) + (1 if masking.anneal == "mix" else 0)
    return min(max(most, 1), max(length - 1, 1))


def largest_visible_count(length: int, masking: MaskingConfig) -> int:
    """Give an upper bound of the positions that stay visible in a row of padded length N that hides the ratio."""
    least = math.floor(length * masking.ratio) - (1 if masking.anneal == "mix" else 0)
    return length - min(max(least, 0), max(length - 1, 0))


def randomness_at(step: int, steps: int, masking: MaskingConfig) -> float:
    """Give t at a step (from 0) of ``steps``: a cosine from 1 to 0 over ``anneal_over`` of them, then 0."""
    scheduled = round(steps * masking.anneal_over)
    if masking.anneal is None or step >= scheduled:
        return 0.0
    return 0.5 * (1.0 + math.cos(math.pi * step / scheduled))
