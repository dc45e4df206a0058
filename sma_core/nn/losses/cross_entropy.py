"""Cross-entropy of ids (paper, section 3), in float32 or wider.

Shapes: B batch, N padded length, K most positions that count, V vocabulary size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sma_core.config.models import DecoderConfig
from sma_core.nn.losses.reconstruction import Reconstruction
from sma_core.nn.masking import Mask

_NOT_SCORED = -100  # target of the entries of Mask.positions that do not count


class CrossEntropy:
    """Cross-entropy, weighted by how rare ids are where ``model.decoder.weighted_loss`` says so."""

    def __init__(self, config: DecoderConfig) -> None:
        self._weighted = config.weighted_loss

    def __call__(self, outputs: Tensor, targets: Tensor, mask: Mask) -> Reconstruction:
        """Judge logits ``(B, K, V)`` against ids ``(B, N)`` int64: see `token_loss`."""
        return token_loss(outputs, targets, mask, self._weighted)


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
