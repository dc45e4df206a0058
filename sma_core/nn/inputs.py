"""Input types of a model: token ids or numbers in channels.

They are set by the data's tokenizer; all other model settings are in `ModelConfig`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DiscreteInputs:
    """Token ids ``(B, N)`` below ``vocabulary_size``, of any integer type."""

    vocabulary_size: int


@dataclass(frozen=True)
class ContinuousInputs:
    """Numbers ``(B, N, C)`` with ``channels`` C >= 1 per position, NaN where missing.

    ``missing`` tells whether training rows have missing values, so that there is something to learn about them.
    """

    channels: int = 1
    missing: bool = False


Inputs = DiscreteInputs | ContinuousInputs
