"""The built-in strategies by name, and the computation of a mask with any strategy."""

from __future__ import annotations

import torch

from sma_core.config.masking import MaskingConfig
from sma_core.nn.built_in import find_built_in
from sma_core.nn.masking import Mask
from sma_core.nn.strategies.contextual import Contextual
from sma_core.nn.strategies.guided import Guided
from sma_core.nn.strategies.none import NothingHidden
from sma_core.nn.strategies.protocol import Situation, Strategy
from sma_core.nn.strategies.random import Random
from sma_core.nn.strategies.sampled import Sampled

_BUILT_IN: dict[str, Strategy] = {
    "guided": Guided({}),
    "sampled": Sampled({}),
    "contextual": Contextual({}),
    "random": Random({}),
    "none": NothingHidden({}),
}


def built_in_strategy(masking: MaskingConfig) -> Strategy:
    """Return the built-in strategy ``masking.strategy``; raises `ConfigError` if there is none of that name."""
    return find_built_in(_BUILT_IN, "masking.strategy", masking.strategy)


@torch.no_grad()
def choose_mask(situation: Situation, strategy: Strategy | None = None) -> Mask:
    """Choose the mask of a batch, without gradient.

    ``strategy`` defaults to the built-in strategy of the situation's ``masking``. Raises `ConfigError` if there is
    no built-in strategy of that name.
    """
    strategy = strategy or built_in_strategy(situation.masking)
    return strategy.choose(situation)
