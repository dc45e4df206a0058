"""The reconstruction loss (paper, section 3; method, step 7), in float32 or wider.

Shapes: B batch, N padded length, K most positions that count, V vocabulary size, C channels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sma_core.config.models import DecoderConfig
from sma_core.nn.masking import Mask

_NOT_SCORED = -100  # target of the entries of Mask.positions that do not count


class Reconstruction(NamedTuple):
    """What one pass of pre-training gives; nothing here has waited for the device.

    ``loss`` scalar, the mean over all positions of the batch that count (0 when there are none); ``scored`` int64
    scalar, how many these are; ``correct`` int64 scalar, for how many of them the highest score was right (0 for
    continuous inputs); ``mask`` what was hidden.
    """

    loss: Tensor
    scored: Tensor
    correct: Tensor
    mask: Mask


def token_loss(logits: Tensor, tokens: Tensor, mask: Mask, weighted: bool = False) -> Reconstruction:
    """Cross-entropy of logits ``(B, K, V)`` at ``mask.positions`` against tokens ``(B, N)`` int64.

    ``weighted`` multiplies each position by how rare its token is: the number of positions that count, over the
    number of them with this token, over V.
    """
    targets = tokens.gather(1, mask.positions).masked_fill(~mask.valid, _NOT_SCORED)  # (B, K)
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
    vocabulary = scores.shape[-1]
    count = mask.valid.sum()
    each = functional.cross_entropy(
        scores.flatten(0, 1),  # (B, K, V) -> (B * K, V)
        targets.flatten(),
        ignore_index=_NOT_SCORED,
        reduction="none" if weighted else "sum",
    )
    if weighted:
        known = targets.flatten().clamp(min=0)
        valid = mask.valid.flatten().to(each.dtype)
        occurrences = torch.zeros(vocabulary, dtype=each.dtype, device=each.device).scatter_add(0, known, valid)
        weights = count / occurrences.clamp(min=1) / vocabulary  # (V,)
        each = (each * weights[known] * valid).sum()
    correct = (scores.detach().argmax(dim=-1) == targets).sum()
    return Reconstruction(each / count.clamp(min=1), count, correct, mask)


class TargetScale(nn.Module):
    """Standardises and clips continuous targets as the settings say; its numbers are settings, not weights."""

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
        """Scale values ``(B, N, C)``; gives the same shape."""
        scaled = (values - _fitted(self.mean, values)) / _fitted(self.spread, values)
        return scaled if self.clip is None else scaled.clamp(-self.clip, self.clip)


def _fitted(numbers: Tensor, values: Tensor) -> Tensor:
    """Cut numbers given for every position ``(P, C)`` to the length of ``values`` ``(B, N, C)``."""
    return numbers[: values.shape[1]] if numbers.ndim == 2 and len(numbers) > 1 else numbers


def value_loss(outputs: Tensor, targets: Tensor, mask: Mask) -> Reconstruction:
    """Mean squared error of outputs ``(B, K, C)`` at ``mask.positions`` against scaled targets ``(B, N, C)``."""
    wanted = targets.take_along_dim(mask.positions[:, :, None], dim=1)  # (B, K, C)
    kind = torch.promote_types(outputs.dtype, torch.float32)
    squares = (outputs.to(kind) - wanted.to(kind)).square().masked_fill(~mask.valid[:, :, None], 0.0)
    count = mask.valid.sum()
    return Reconstruction(
        squares.sum() / (count * targets.shape[-1]).clamp(min=1), count, torch.zeros_like(count), mask
    )
