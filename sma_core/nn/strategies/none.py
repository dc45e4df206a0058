"""No masking: an autoencoder of whole rows."""

from __future__ import annotations

import torch

from sma_core.nn.masking import Mask, every_position
from sma_core.nn.strategies.protocol import Hiding, Situation


class NothingHidden(Hiding):
    """Strategy that hides nothing and reconstructs every real position."""

    hides = False

    def choose(self, situation: Situation) -> Mask:
        """Return a mask that hides nothing."""
        return every_position(situation.padding_mask, torch.zeros_like(situation.padding_mask))
