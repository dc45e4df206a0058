"""Mean squared error of numbers (paper, section 3), in float32 or wider.

Shapes: B batch, N padded length, K most positions that count, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sma_core.config.models import DecoderConfig
from sma_core.nn.losses.reconstruction import Reconstruction
from sma_core.nn.masking import Mask


class MeanSquaredError:
    """Mean squared error over the positions that count and their channels."""

    def __init__(self, config: DecoderConfig) -> None:
        """Take the decoder's settings, as every loss does; none of them matters here."""

    def __call__(self, outputs: Tensor, targets: Tensor, mask: Mask) -> Reconstruction:
        """Judge outputs ``(B, K, C)`` against scaled targets ``(B, N, C)``: see `value_loss`."""
        return value_loss(outputs, targets, mask)


def value_loss(outputs: Tensor, targets: Tensor, mask: Mask) -> Reconstruction:
    """Mean squared error of outputs ``(B, K, C)`` at ``mask.positions`` against scaled targets ``(B, N, C)``."""
    wanted = targets.take_along_dim(mask.positions[:, :, None], dim=1)  # (B, K, C)
    kind = torch.promote_types(outputs.dtype, torch.float32)
    squares = (outputs.to(kind) - wanted.to(kind)).square().masked_fill(~mask.valid[:, :, None], 0.0)
    count = mask.valid.sum()
    return Reconstruction(
        squares.sum() / (count * targets.shape[-1]).clamp(min=1), count, torch.zeros_like(count), mask
    )
