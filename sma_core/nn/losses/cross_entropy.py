"""Cross-entropy loss of token ids (paper, section 3), computed in float32 or wider.

Shapes: B batch, N padded length, K maximum number of scored positions, V vocabulary size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sma_core.config.models import DecoderConfig
from sma_core.nn.losses.reconstruction import Reconstruction
from sma_core.nn.masking import Mask

_NOT_SCORED = -100  # target for invalid entries of Mask.positions


class CrossEntropy:
    """Cross-entropy loss, weighted by inverse token frequency if ``model.decoder.weighted_loss`` is true."""

    def __init__(self, config: DecoderConfig) -> None:
        self._weighted = config.weighted_loss

    def __call__(self, outputs: Tensor, targets: Tensor, mask: Mask) -> Reconstruction:
        """Compute the loss of logits ``(B, K, V)`` for ids ``(B, N)`` int64; see `token_loss`."""
        return token_loss(outputs, targets, mask, self._weighted)


def token_loss(logits: Tensor, tokens: Tensor, mask: Mask, weighted: bool = False) -> Reconstruction:
    """Compute the cross-entropy of logits ``(B, K, V)`` at ``mask.positions`` for tokens ``(B, N)`` int64.

    ``weighted`` weights a position by the inverse frequency of its token: the number of scored positions, divided
    by the number of those with this token and by V.
    """
    targets = tokens.gather(1, mask.positions).masked_fill(~mask.valid, _NOT_SCORED)  # (B, K)
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
    vocabulary = scores.shape[-1]
    count = mask.valid.sum()
    losses = functional.cross_entropy(
        scores.flatten(0, 1),  # (B, K, V) -> (B * K, V)
        targets.flatten(),
        ignore_index=_NOT_SCORED,
        reduction="none" if weighted else "sum",
    )
    if weighted:
        ids = targets.flatten().clamp(min=0)
        valid = mask.valid.flatten().to(losses.dtype)
        frequencies = torch.zeros(vocabulary, dtype=losses.dtype, device=losses.device).scatter_add(0, ids, valid)
        weights = count / frequencies.clamp(min=1) / vocabulary  # (V,)
        losses = (losses * weights[ids] * valid).sum()
    correct = (scores.detach().argmax(dim=-1) == targets).sum()
    return Reconstruction(losses / count.clamp(min=1), count, correct, mask)
