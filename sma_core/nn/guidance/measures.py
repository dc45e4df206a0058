"""Measures of the mask guidance, logged during training (requested by the paper's reviewers).

Each measure is one number per row between 0 and 1, NaN if undefined:

- ``overlap``: the share of a drawn query's top keys (as many as the row hides) that are also top keys of another
  drawn query; mean over pairs. Random attention gives the masking ratio; 1 means that all queries agree.
- ``change``: the share of hidden positions that a second draw does not hide. 0 means a deterministic mask; random
  masks give 1 - ratio.
- ``entropy``: entropy of the importance over the row's positions, divided by its maximum. 1 is uniform attention.

Shapes: B batch, N padded length, R drawn queries.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sma_core.config.masking import MaskingConfig
from sma_core.nn.guidance.counts import hidden_counts, largest_hidden_count
from sma_core.nn.guidance.importance import rank
from sma_core.nn.masking import MaskNoise, choose
from sma_core.nn.model import SMA
from sma_core.nn.strategies.choosing import choose_mask
from sma_core.nn.strategies.protocol import Strategy


class MaskMeasures(NamedTuple):
    """Measures per row, ``(B,)`` each; see the module's docstring."""

    overlap: Tensor
    change: Tensor
    entropy: Tensor


@torch.no_grad()
def measure_mask(
    model: SMA,
    inputs: Tensor,
    padding_mask: Tensor,
    masking: MaskingConfig,
    noises: tuple[MaskNoise, MaskNoise],
    strategy: Strategy | None = None,
) -> MaskMeasures:
    """Measure the guidance of one batch from two draws; arguments as in `SMA.forward`.

    ``change`` compares the masks of ``strategy``; ``overlap`` and ``entropy`` depend on the attention only.
    """
    situation = model.situation(inputs, padding_mask, masking, noises[0])
    attention_only = masking.model_copy(update={"mask_self": False})  # a query's own position has no attention
    importance, attention, draw = rank(situation._replace(masking=attention_only))
    candidates = situation.padding_mask
    first = choose_mask(situation, strategy).hidden
    second = choose_mask(situation._replace(noise=noises[1]), strategy).hidden
    hidden = first.sum(dim=1)
    change = (first & ~second).sum(dim=1) / hidden.where(hidden > 0, torch.nan)
    return MaskMeasures(
        top_key_overlap(attention, draw.valid, candidates, masking), change, entropy(importance, candidates)
    )


def top_key_overlap(attention: Tensor, valid: Tensor, padding_mask: Tensor, masking: MaskingConfig) -> Tensor:
    """Return the mean overlap ``(B,)`` of top keys; ``attention`` ``(B, R, N)``, ``valid`` ``(B, R)``."""
    rows, queries, length = attention.shape
    counts = hidden_counts(padding_mask.sum(dim=1), length, masking)  # (B,)
    query_counts = counts.repeat_interleave(queries)
    real = padding_mask.repeat_interleave(queries, dim=0)  # (B * R, N)
    max_count = largest_hidden_count(length, masking)
    top = choose(attention.flatten(0, 1), real, query_counts, max_count).hidden  # (B, R, N) -> (B * R, N)
    memberships = (top.view(rows, queries, length) & valid[:, :, None]).sum(dim=1)  # (B, N): number of top sets
    shared = (memberships * (memberships - 1)).sum(dim=1)  # ordered pairs that share a key
    drawn_counts = valid.sum(dim=1)
    pairs = drawn_counts * (drawn_counts - 1) * counts
    return shared / pairs.where(pairs > 0, torch.nan)


def entropy(importance: Tensor, padding_mask: Tensor) -> Tensor:
    """Return the entropy ``(B,)`` of the importance ``(B, N)`` over real positions, divided by its maximum."""
    share = importance / importance.sum(dim=1, keepdim=True).clamp(min=torch.finfo(importance.dtype).tiny)
    total = torch.special.entr(share).sum(dim=1)
    lengths = padding_mask.sum(dim=1).to(importance.dtype)
    relative: Tensor = total / lengths.log().where(lengths > 1, torch.nan)
    return relative
