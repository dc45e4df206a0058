"""What a model reads: ids of a vocabulary, or numbers in channels.

These two facts come from the data's tokenizer, not from settings; everything else is in `ModelConfig`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DiscreteInputs:
    """Rows are ids ``(B, N)`` below ``vocabulary_size``, of any integer type."""

    vocabulary_size: int


@dataclass(frozen=True)
class ContinuousInputs:
    """Rows are numbers ``(B, N, C)`` in ``channels`` C >= 1 channels a position."""

    channels: int = 1


Inputs = DiscreteInputs | ContinuousInputs
