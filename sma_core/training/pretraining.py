"""The pre-training objective: reconstruct what the masking hid (method, steps 2 to 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sma_core.config import MaskingConfig
from sma_core.data.batches import Batch
from sma_core.nn.masking import draw_noise
from sma_core.nn.model import SMA

HELD_OUT_SEED = 20_240_116
"""Seed of the masks on held-out rows: the same for every run, so that curves can be compared."""


class PretrainObjective:
    """Masked reconstruction loss, and two held-out losses with draws that never change.

    ``held_out_loss`` is taken under the masking that is trained with: under guidance its masks grow harder
    as the attention sharpens, so it can rise while the model learns. ``held_out_random_loss`` is taken under
    random masks, the same at every step and for every strategy: it can be compared, and picks the best.
    """

    selection = "held_out_random_loss"
    higher_is_better = False

    def __init__(
        self, module: SMA, masking: MaskingConfig, held_out: Sequence[Batch], compiled: bool = False
    ) -> None:
        self.module = module
        self._forward = torch.compile(module) if compiled else module
        self._masking = masking
        self._held_out = held_out

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the mean loss over the hidden positions of ``batch``."""
        return self._reconstruct(batch, generator, self._masking)[0]

    def evaluate(self) -> dict[str, float]:
        """Return both mean losses over all hidden positions of the held-out rows."""
        own = self._held_out_loss(self._masking)
        if self._masking.strategy == "random":
            return {"held_out_loss": own, "held_out_random_loss": own}
        random = self._masking.model_copy(update={"strategy": "random"})
        return {"held_out_loss": own, "held_out_random_loss": self._held_out_loss(random)}

    def _held_out_loss(self, masking: MaskingConfig) -> float:
        device = next(self.module.parameters()).device
        total, count = 0.0, 0
        for index, batch in enumerate(self._held_out):
            generator = torch.Generator(device).manual_seed(HELD_OUT_SEED + index)
            loss, hidden = self._reconstruct(batch.to(device), generator, masking)
            total += float(loss) * int(hidden)
            count += int(hidden)
        return total / max(count, 1)

    def _reconstruct(
        self, batch: Batch, generator: torch.Generator, masking: MaskingConfig
    ) -> tuple[Tensor, Tensor]:
        rows, length = batch.inputs.shape
        noise = draw_noise(rows, self.module.encoder.latents.shape[0], length, generator, batch.inputs.device)
        result = self._forward(batch.inputs, batch.padding_mask, masking, noise)
        return result.loss, result.hidden_count


def sample_rows(rows: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return at most ``most`` row indices, drawn once and for all, in ascending order."""
    order = np.random.default_rng(HELD_OUT_SEED).permutation(rows)
    return np.sort(order[:most]).astype(np.int64)
