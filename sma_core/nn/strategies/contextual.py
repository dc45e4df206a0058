"""Contextual masks: positions are drawn by how much more important they are than their symbol usually is.

Attention that is not yet sharp often prefers the same few symbols (or, for numbers, the same positions) in every
row, so that masks hide little else. Here the importance of a position is divided by the geometric mean of the
importance of its symbol, or of its position, over the batch: what is left depends on the context alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sma_core.nn.masking import Mask
from sma_core.nn.strategies.protocol import Situation
from sma_core.nn.strategies.sampled import TINY, Sampled

GROUPS = 65_536
"""Number of groups; ids that are equal modulo this number share a mean."""


class Contextual(Sampled):
    """Strategy that draws positions as `Sampled` does, from importance relative to that of the same symbol.

    The option ``temperature`` is that of `Sampled`. Means are taken over the rows of one rank's batch.
    """

    def choose(self, situation: Situation) -> Mask:
        """Choose a mask; raises `ConfigError` if the trunk has no layer ``masking.layer``."""
        importance = self.importance(situation)
        real = situation.padding_mask[:, : importance.shape[1]]
        return self.draw(relative_importance(importance, situation.inputs, real), situation)


def relative_importance(importance: Tensor, inputs: Tensor, real: Tensor) -> Tensor:
    """Divide the importance ``(B, N)`` by the geometric mean over the real positions of the same group.

    ``inputs`` are ids ``(B, L)``, whose groups are the ids, or numbers ``(B, L, C)``, whose groups are the
    positions, with L at least N; ``real`` ``(B, N)`` bool is True at real positions.
    """
    logs = importance.clamp(min=TINY).log()  # (B, N)
    if inputs.dim() == 2:
        groups = inputs[:, : importance.shape[1]].to(torch.int64) % GROUPS  # (B, N)
    else:
        groups = torch.arange(importance.shape[1], device=importance.device).expand_as(importance) % GROUPS
    weights = real.to(logs.dtype)
    counts = logs.new_zeros(GROUPS).index_add(0, groups.flatten(), weights.flatten())
    sums = logs.new_zeros(GROUPS).index_add(0, groups.flatten(), logs.masked_fill(~real, 0.0).flatten())
    means = sums / counts.clamp(min=1.0)  # (GROUPS,)
    return (logs - means[groups]).exp()
