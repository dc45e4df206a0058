"""Masks chosen by an average of the model instead of the model itself (``masking.guide = "average"``).

An average changes slowly, so that the masks do not follow every step of the model that they train.
"""

from __future__ import annotations

from sma_core.config.masking import MaskingConfig
from sma_core.nn.masking import Mask
from sma_core.nn.model import SMA
from sma_core.nn.strategies.protocol import Situation, Strategy


class ByAverage:
    """Strategy that lets another one choose from the attention of ``average``."""

    def __init__(self, strategy: Strategy, average: SMA) -> None:
        self._strategy, self._average = strategy, average

    @property
    def guided(self) -> bool:
        """Whether the other strategy is guided."""
        return self._strategy.guided

    @property
    def hides(self) -> bool:
        """Whether the other strategy hides anything."""
        return self._strategy.hides

    def choose(self, situation: Situation) -> Mask:
        """Choose a mask; raises as the other strategy does."""
        shown = situation.inputs[:, : situation.embedded.shape[1]]  # (B, N) or (B, N, C)
        averaged = self._average.situation(shown, situation.padding_mask, situation.masking, situation.noise)
        return self._strategy.choose(averaged)

    def most_visible(self, length: int, masking: MaskingConfig) -> int:
        """Return the other strategy's bound."""
        return self._strategy.most_visible(length, masking)
