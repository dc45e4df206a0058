"""Interface of masking strategies.

Shapes: B batch, N padded length, C channels, E width of embedded inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from torch import Tensor

from sma_core.config.masking import MaskingConfig
from sma_core.nn.attention import Projected
from sma_core.nn.encoders.encoder import Encoder
from sma_core.nn.masking import Mask, MaskNoise

StrategyOptions = Mapping[str, bool | int | float | str]
"""The table ``masking.options``."""


class Situation(NamedTuple):
    """Inputs of a strategy for one batch.

    ``inputs`` are ids ``(B, N)`` or numbers ``(B, N, C)``; ``projected`` holds the first attention's queries and
    keys of ``embedded`` ``(B, N, E)``; ``padding_mask`` ``(B, N)`` bool is True at positions that may be hidden:
    False at padding, and anywhere in a row at positions without a known value. ``embedded`` and ``projected`` may
    omit trailing columns that are padding in every row. All randomness is in ``noise``.
    """

    inputs: Tensor
    encoder: Encoder
    projected: Projected
    embedded: Tensor
    padding_mask: Tensor
    masking: MaskingConfig
    noise: MaskNoise


class Strategy(Protocol):
    """Chooses the positions to hide: never where ``padding_mask`` is False, never all others of a row."""

    @property
    def guided(self) -> bool:
        """Whether the choice depends on the model's attention."""
        ...

    @property
    def hides(self) -> bool:
        """Whether anything is hidden."""
        ...

    def choose(self, situation: Situation) -> Mask:
        """Choose a mask for a batch, without gradient."""
        ...

    def most_visible(self, length: int, masking: MaskingConfig) -> int:
        """Return an upper bound of the number of visible positions in a row of padded length ``length``.

        It is not used for batches with missing values, whose positions stay visible.
        """
        ...


class Hiding:
    """Base class for strategies of plugins, with defaults for any strategy that hides positions."""

    guided = False
    hides = True

    def __init__(self, options: StrategyOptions) -> None:
        self.options = options

    def most_visible(self, length: int, masking: MaskingConfig) -> int:
        """Return ``length``, valid for any strategy."""
        return length
