"""Masking strategies of plugins, whose exceptions and wrong masks are one sentence.

Shapes: B batch, N padded length.
"""

from __future__ import annotations

import torch

from sma_core.config.masking import MaskingConfig
from sma_core.errors import PluginError
from sma_core.nn.masking import Mask, seen_rankings
from sma_core.nn.part_faults import Looks, fault_of_hiding, fault_of_mask
from sma_core.nn.strategies.protocol import Situation, Strategy
from sma_core.plugin_calls import check_result, errors_of, given

MEMBERS = ("guided", "hides", "choose", "most_visible")


class GuardedStrategy:
    """A plugin's ``strategy``, whose errors name ``part``.

    The values of masks are checked as `sma_core.nn.part_faults` says; raises `PluginError` when the object lacks
    a member of `Strategy`.
    """

    def __init__(self, strategy: Strategy, part: str) -> None:
        missing = [name for name in MEMBERS if not hasattr(strategy, name)]
        if missing:
            raise PluginError(
                f"{part} has no {', '.join(missing)}: its factory must give an object with {', '.join(MEMBERS)}, "
                f"not {given(strategy)}"
            )
        self._strategy, self._part, self._looks = strategy, part, Looks()

    @property
    def guided(self) -> bool:
        """Whether the strategy is guided."""
        return self._strategy.guided

    @property
    def hides(self) -> bool:
        """Whether the strategy hides anything."""
        return self._strategy.hides

    def choose(self, situation: Situation) -> Mask:
        """Choose a mask; raises `PluginError` when it fails or the mask is wrong."""
        if torch.compiler.is_compiling():
            return self._strategy.choose(situation)
        function, candidates = f"choose of {self._part}", situation.padding_mask
        with errors_of(function), seen_rankings() as rankings:
            mask = self._strategy.choose(situation)
        check_result(function, fault_of_mask(mask, candidates))
        if self._looks.due(candidates):
            check_result(function, fault_of_hiding(mask, candidates))
            unranked = any(bool(ranking.isnan().any()) for ranking in rankings)
            if unranked and bool(situation.projected.keys.isfinite().all()):  # else the model has diverged
                raise PluginError(f"{function} must rank positions by numbers, but its ranking contains NaN")
        return mask

    def most_visible(self, length: int, masking: MaskingConfig) -> int:
        """Return the strategy's bound; raises `PluginError` when it is no whole number."""
        function = f"most_visible of {self._part}"
        with errors_of(function):
            bound = self._strategy.most_visible(length, masking)
        wrong = not isinstance(bound, int) or bound < 1
        check_result(function, f"a whole number from 1, not {bound!r:.60}" if wrong else None)
        return bound
