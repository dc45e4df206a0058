"""What a masking strategy gets and gives.

Shapes: B batch, N padded length, E width of embedded inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from torch import Tensor

from sma_core.config.models import MaskingConfig
from sma_core.nn.attention import Projected
from sma_core.nn.encoder import Encoder
from sma_core.nn.masking import Mask, MaskNoise

Options = Mapping[str, bool | int | float | str]
"""The table ``masking.options``."""


class Situation(NamedTuple):
    """One batch for which a mask is chosen.

    ``projected`` are the first attention's queries and keys of ``embedded`` ``(B, N, E)``; padding_mask ``(B, N)``
    bool, True where real. Last columns that are padding in every row may be missing from ``embedded`` and
    ``projected``. All randomness is in ``noise``.
    """

    encoder: Encoder
    projected: Projected
    embedded: Tensor
    padding_mask: Tensor
    masking: MaskingConfig
    noise: MaskNoise


class Strategy(Protocol):
    """Chooses what to hide. It never hides padding and leaves at least one position of every row visible."""

    @property
    def guided(self) -> bool:
        """Whether the model's own attention decides."""
        ...

    @property
    def hides(self) -> bool:
        """Whether anything is hidden."""
        ...

    def choose(self, situation: Situation) -> Mask:
        """Choose a mask for a batch; no gradient flows through the choice."""
        ...

    def most_visible(self, length: int, masking: MaskingConfig) -> int:
        """Return an upper bound of the positions that stay visible in a row of padded length ``length``."""
        ...


class Hiding:
    """Base for strategies of plugins: attributes and bound that hold for any strategy that hides something."""

    guided = False
    hides = True

    def __init__(self, options: Options) -> None:
        self.options = options

    def most_visible(self, length: int, masking: MaskingConfig) -> int:
        """Return ``length``: all positions may stay visible."""
        return length
