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
    """Mean squared error over the known numbers of scored positions."""

    def __init__(self, config: DecoderConfig) -> None:
        """Accept the decoder settings, as every loss does; they are not used."""

    def __call__(
        self, outputs: Tensor, targets: Tensor, mask: Mask, known: Tensor | None = None
    ) -> Reconstruction:
        """Compute the loss of outputs ``(B, K, C)`` for scaled targets ``(B, N, C)``; see `value_loss`."""
        return value_loss(outputs, targets, mask, known)


def value_loss(outputs: Tensor, targets: Tensor, mask: Mask, known: Tensor | None = None) -> Reconstruction:
    """Compute the MSE of outputs ``(B, K, C)`` at ``mask.positions`` for scaled targets ``(B, N, C)``.

    ``known`` ``(B, K, C)`` bool is True at the numbers to score; None means all.
    """
    expected = targets.take_along_dim(mask.positions[:, :, None], dim=1)  # (B, K, C)
    dtype = torch.promote_types(outputs.dtype, torch.float32)
    scored = mask.valid[:, :, None].expand_as(expected)  # (B, K, C)
    scored = scored if known is None else scored & known
    squares = (outputs.to(dtype) - expected.to(dtype)).square().masked_fill(~scored, 0.0)
    count = scored.sum()
    positions = count / targets.shape[-1]
    return Reconstruction(squares.sum() / count.clamp(min=1), positions, torch.zeros_like(count), mask)
