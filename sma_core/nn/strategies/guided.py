"""Self-guided masks: hide positions that the model's own attention groups together (paper, section 3)."""

from __future__ import annotations

from torch.nn import functional

from sma_core.config.masking import MaskingConfig
from sma_core.nn.guidance.counts import largest_visible_count
from sma_core.nn.guidance.importance import rank
from sma_core.nn.masking import Mask, hide
from sma_core.nn.strategies.protocol import Hiding, Situation


class Guided(Hiding):
    """Strategy that hides the positions of largest importance, with annealing as set by ``masking.anneal``."""

    guided = True

    def choose(self, situation: Situation) -> Mask:
        """Choose a mask; raises `ConfigError` if the trunk has no layer ``masking.layer``."""
        ranking, _, _ = rank(situation)
        padding = situation.padding_mask.shape[1] - ranking.shape[1]
        padded = functional.pad(ranking, (0, padding))  # (B, N)
        return hide(padded, situation.padding_mask, situation.masking, situation.noise)

    def most_visible(self, length: int, masking: MaskingConfig) -> int:
        """Return the padded length minus the minimum number of hidden positions."""
        return largest_visible_count(length, masking)
