"""Mean squared error of continuous inputs (paper, section 3), computed in float32 or wider.

Shapes: B batch, N padded length, K maximum number of scored positions, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sma_core.config.models import DecoderConfig
from sma_core.nn.losses.reconstruction import Reconstruction
from sma_core.nn.masking import Mask


class MeanSquaredError:
    """Mean squared error over scored positions and channels."""

    def __init__(self, config: DecoderConfig) -> None:
        """Accept the decoder settings, as every loss does; they are not used."""

    def __call__(self, outputs: Tensor, targets: Tensor, mask: Mask) -> Reconstruction:
        """Compute the loss of outputs ``(B, K, C)`` for scaled targets ``(B, N, C)``; see `value_loss`."""
        return value_loss(outputs, targets, mask)


def value_loss(outputs: Tensor, targets: Tensor, mask: Mask) -> Reconstruction:
    """Compute the MSE of outputs ``(B, K, C)`` at ``mask.positions`` for scaled targets ``(B, N, C)``."""
    expected = targets.take_along_dim(mask.positions[:, :, None], dim=1)  # (B, K, C)
    dtype = torch.promote_types(outputs.dtype, torch.float32)
    squares = (outputs.to(dtype) - expected.to(dtype)).square().masked_fill(~mask.valid[:, :, None], 0.0)
    count = mask.valid.sum()
    return Reconstruction(
        squares.sum() / (count * targets.shape[-1]).clamp(min=1), count, torch.zeros_like(count), mask
    )
