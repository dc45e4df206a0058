"""Random masks, the paper's baseline."""

from __future__ import annotations

from sma_core.config.masking import MaskingConfig
from sma_core.nn.guidance.counts import largest_visible_count
from sma_core.nn.masking import Mask, hide
from sma_core.nn.strategies.protocol import Hiding, Situation


class Random(Hiding):
    """Strategy that hides as many positions as guided masks do, at random."""

    def choose(self, situation: Situation) -> Mask:
        """Choose a mask; settings of annealing and guidance are ignored."""
        noise = situation.noise
        return hide(noise.positions, situation.padding_mask, situation.masking, noise, annealed=False)

    def most_visible(self, length: int, masking: MaskingConfig) -> int:
        """Return the padded length minus the minimum number of hidden positions."""
        return largest_visible_count(length, masking)
