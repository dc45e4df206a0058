"""Interface of reconstruction losses (paper, section 3; method, step 7).

Shapes: B batch, N padded length, K maximum number of scored positions, V vocabulary size, C channels.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

from sma_core.nn.masking import Mask


class Reconstruction(NamedTuple):
    """Result of a pre-training forward pass; computed without device synchronisation.

    ``loss`` scalar, the mean over the scored positions of the batch (0 if there are none), of numbers over known
    ones; ``scored`` scalar, the number of scored positions, in which one counts by the share of its channels that
    are known; ``correct`` int64 scalar, the number of positions with a correct top-1
    prediction (0 for continuous inputs); ``mask`` the mask of the batch.
    """

    loss: Tensor
    scored: Tensor
    correct: Tensor
    mask: Mask


class ReconstructionLoss(Protocol):
    """A reconstruction loss, computed in float32 or wider."""

    def __call__(self, outputs: Tensor, targets: Tensor, mask: Mask) -> Reconstruction:
        """Compute the loss of ``outputs`` at ``mask.positions``.

        Discrete inputs: outputs ``(B, K, V)`` and targets ``(B, N)`` int64. Continuous inputs: outputs
        ``(B, K, C)`` and scaled targets ``(B, N, C)``, 0 where missing. A loss of continuous inputs may have a
        further parameter ``known`` ``(B, K, C)`` bool, True at the numbers to score; without it, positions with a
        missing channel are not valid.
        """
        ...
