"""What a reconstruction loss gets and gives (paper, section 3; method, step 7).

Shapes: B batch, N padded length, K most positions that count, V vocabulary size, C channels.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

from sma_core.nn.masking import Mask


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


class ReconstructionLoss(Protocol):
    """A loss of the reconstruction, in float32 or wider."""

    def __call__(self, outputs: Tensor, targets: Tensor, mask: Mask) -> Reconstruction:
        """Judge outputs at ``mask.positions``.

        Ids: outputs ``(B, K, V)`` and targets ``(B, N)`` int64. Numbers: outputs ``(B, K, C)`` and scaled targets
        ``(B, N, C)``.
        """
        ...
