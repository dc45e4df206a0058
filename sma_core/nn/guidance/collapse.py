"""Measures of collapsed guidance: masks that hide the same few positions or symbols again and again.

A model that chooses its own masks can come to hide only what is easy to reconstruct. Two shares, each from 0 to 1,
are computed from `DRAWS` masks of each row:

- ``mask_never_hidden``: the share of positions that none of the masks hides. Random masks with ratio r give
  (1 - r) ** 8.
- ``mask_explained``: how much of the entropy of "is this position hidden?" its symbol alone explains (for numbers:
  its position alone). 0 for random masks, 1 if the symbol decides.

Shapes: B batch, N padded length, G groups (symbols or positions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from sma_core.config.masking import MaskingConfig
from sma_core.nn.masking import MaskNoise
from sma_core.nn.model import SMA
from sma_core.nn.strategies.choosing import choose_mask
from sma_core.nn.strategies.protocol import Strategy

DRAWS = 8
"""Number of masks drawn for each row."""
GROUPS = 4096
"""Number of groups; ids or positions that are equal modulo this number are counted together."""
EXCESS_NEVER_HIDDEN = 0.2
"""Share of never hidden positions, beyond that of random masks, from which `collapse_sentence` warns."""
MOST_EXPLAINED = 0.5
"""Explained share from which `collapse_sentence` warns."""


@torch.no_grad()
def times_hidden(
    model: SMA,
    inputs: Tensor,
    padding_mask: Tensor,
    masking: MaskingConfig,
    noises: Sequence[MaskNoise],
    strategy: Strategy | None = None,
) -> tuple[Tensor, Tensor]:
    """Count how many masks hide each position of a batch.

    Arguments as in `SMA.forward`, with one noise for each mask. Returns the counts ``(B, N)`` float64, and which
    positions can be hidden ``(B, N)``.
    """
    situation = model.situation(inputs, padding_mask, masking, noises[0])
    times = torch.zeros_like(padding_mask, dtype=torch.float64)  # (B, N)
    for noise in noises:
        times += choose_mask(situation._replace(noise=noise), strategy).hidden
    real = situation.padding_mask  # without missing values, which are never hidden
    return times, real & (real.sum(dim=1, keepdim=True) > 1)  # a row of one position hides nothing


def group_counts(inputs: Tensor, times: Tensor, real: Tensor) -> Tensor:
    """Count how often positions of one batch are hidden; the counts of several batches may be added.

    ``times`` and ``real`` ``(B, N)`` are the results of `times_hidden`. Returns ``(3, G)`` float64: by group the
    number of real positions, of those never hidden, and of times that one is hidden.
    """
    if inputs.dim() == 2:
        groups = inputs.to(torch.int64) % GROUPS  # (B, N)
    else:
        groups = torch.arange(inputs.shape[1], device=inputs.device).expand_as(real) % GROUPS
    values = torch.stack((real.double(), (real & (times == 0)).double(), times * real))  # (3, B, N)
    return torch.zeros(3, GROUPS, dtype=torch.float64, device=inputs.device).index_add(
        1, groups.flatten(), values.flatten(1)
    )


def collapse_measures(counts: Tensor, draws: int = DRAWS) -> dict[str, float]:
    """Return both measures from counts ``(3, G)`` of `group_counts`; those that are undefined are left out."""
    positions, never, times = counts.cpu()
    total = positions.sum()
    if not total:
        return {}
    measures = {"mask_never_hidden": float(never.sum() / total)}
    entropy = _entropy(times.sum() / (draws * total))
    if entropy > 0:
        seen = positions > 0
        remaining = (positions[seen] / total * _entropy(times[seen] / (draws * positions[seen]))).sum()
        measures["mask_explained"] = float(1 - remaining / entropy)
    return measures


def _entropy(share: Tensor) -> Tensor:
    """Return the entropy of a yes-or-no variable with the probability ``share``, of any shape."""
    entropy: Tensor = torch.special.entr(share) + torch.special.entr(1 - share)
    return entropy


def collapse_sentence(measures: Mapping[str, float], ratio: float) -> str | None:
    """Return a warning when masks have collapsed; ``ratio`` is ``masking.ratio``. None when they have not."""
    never, explained = measures.get("mask_never_hidden", 0.0), measures.get("mask_explained", 0.0)
    by_chance = (1.0 - ratio) ** DRAWS
    findings = []
    if never > by_chance + EXCESS_NEVER_HIDDEN:
        findings.append(
            f"{never:.0%} of the positions are hidden in none of {DRAWS} masks (random masks: {by_chance:.0%})"
        )
    if explained > MOST_EXPLAINED:
        findings.append(f"the symbol or position alone explains {explained:.0%} of what is hidden (random: 0%)")
    if not findings:
        return None
    return (
        f"the masks have collapsed: {' and '.join(findings)}, so the model learns little about the rest: "
        "try masking.strategy=sampled, or masking.anneal=mix and masking.anneal_end=0.5"
    )
