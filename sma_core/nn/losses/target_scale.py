"""Scaling of continuous targets.

Shapes: B batch, N padded length, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sma_core.config.models import DecoderConfig


class TargetScale(nn.Module):
    """Standardisation and clipping of continuous targets, as set in the decoder settings."""

    mean: Tensor
    spread: Tensor

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        mean = torch.tensor(config.target_mean if config.target_mean is not None else 0.0)
        spread = torch.tensor(config.target_spread if config.target_spread is not None else 1.0)
        self.register_buffer("mean", mean, persistent=False)  # (), (C,) or (N, C)
        self.register_buffer("spread", spread, persistent=False)
        self.clip = config.target_clip

    def forward(self, values: Tensor) -> Tensor:
        """Scale values ``(B, N, C)``; return the same shape."""
        scaled = (values - _cropped(self.mean, values)) / _cropped(self.spread, values)
        return scaled if self.clip is None else scaled.clamp(-self.clip, self.clip)


def _cropped(numbers: Tensor, values: Tensor) -> Tensor:
    """Crop per-position numbers ``(P, C)`` to the length of ``values`` ``(B, N, C)``."""
    return numbers[: values.shape[1]] if numbers.ndim == 2 and len(numbers) > 1 else numbers
