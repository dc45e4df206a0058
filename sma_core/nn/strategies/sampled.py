"""Sampled masks: positions are drawn without replacement, with chances that grow with their importance.

The paper hides the most important positions. When attention is nearly uniform, as in an untrained model, which
these are is decided by tiny differences, and masks of different queries become alike. Here noise is added to the
logarithm of the importance (Gumbel top-k): uniform attention gives random masks, and masks become guided as the
attention sharpens.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sma_core.config.masking import MaskingConfig
from sma_core.errors import ConfigError
from sma_core.nn.guidance.counts import largest_visible_count
from sma_core.nn.guidance.importance import rank
from sma_core.nn.masking import Mask, hide
from sma_core.nn.strategies.protocol import Hiding, Situation, StrategyOptions

TINY = 1e-7
"""Smallest importance and smallest uniform number."""
LOWEST = 0.2
"""Lowest temperature: below it float32 cannot hold the weights."""


class Sampled(Hiding):
    """Strategy that draws positions with chances proportional to ``importance ** (1 / temperature)``.

    The option ``temperature`` is 1 by default, and at least 0.2. Low temperatures make masks like those of
    ``guided``, high ones random masks.
    """

    guided = True

    def __init__(self, options: StrategyOptions) -> None:
        super().__init__(options)
        unknown = sorted(set(options) - {"temperature"})
        if unknown:
            raise ConfigError(
                f"masking.options.{unknown[0]} is not an option of this strategy: it has temperature alone"
            )
        self.temperature = float(options.get("temperature", 1.0))
        if not self.temperature >= LOWEST:
            raise ConfigError(f"masking.options.temperature must be at least {LOWEST}, not {self.temperature:g}")

    def choose(self, situation: Situation) -> Mask:
        """Choose a mask; raises `ConfigError` if the trunk has no layer ``masking.layer``."""
        return self.draw(self.importance(situation), situation)

    def importance(self, situation: Situation) -> Tensor:
        """Return the importance of each embedded position, ``(B, N)``; raises as `choose` does."""
        return rank(situation)[0]

    def draw(self, importance: Tensor, situation: Situation) -> Mask:
        """Return a mask drawn by importance ``(B, N)``; positions after N, all padding, are not hidden."""
        missing = situation.padding_mask.shape[1] - importance.shape[1]
        weights = functional.pad(importance, (0, missing)).clamp(min=TINY)
        noise = situation.noise
        # Ranking by weight / exponential variable is Gumbel top-k: drawing without replacement by weight.
        waiting = -noise.positions.clamp(min=TINY).log()  # (B, N), exponential with mean 1
        ranking = weights ** (1.0 / self.temperature) / waiting.clamp(min=TINY)
        other = noise._replace(positions=scrambled(noise.positions))  # for the random part of annealed masks
        return hide(ranking, situation.padding_mask, situation.masking, other)

    def most_visible(self, length: int, masking: MaskingConfig) -> int:
        """Return the padded length minus the minimum number of hidden positions."""
        return largest_visible_count(length, masking)


def scrambled(uniform: Tensor) -> Tensor:
    """Return uniform numbers in [0, 1) that are unrelated to the given ones, which are multiples of 2 ** -24.

    Each is the fraction of the given number times a large odd integer: distinct numbers stay distinct.
    """
    steps = 1 << 24
    return ((uniform * steps).to(torch.int64) * 10_368_889 % steps).to(uniform.dtype) / steps
