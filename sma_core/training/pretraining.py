"""The pre-training objective: reconstruct what the masking hid (method, steps 2 to 7)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sma_core.config import MaskingConfig
from sma_core.data.batches import Batch
from sma_core.nn.counts import randomness_at
from sma_core.nn.masking import MaskNoise, draw_noise
from sma_core.nn.measures import measure_mask
from sma_core.nn.model import SMA

HELD_OUT_SEED = 20_240_116
"""Seed of the masks on held-out rows: the same for every run, so that curves can be compared."""


class PretrainObjective:
    """Masked reconstruction loss, and two held-out losses with draws that never change.

    ``held_out_loss`` is taken under the masking that is trained with: under guidance its masks grow harder
    as the attention sharpens, so it can rise while the model learns. ``held_out_random_loss`` is taken under
    random masks, the same at every step and for every strategy: it can be compared, and picks the best.
    ``mask_overlap``, ``mask_change`` and ``mask_entropy`` tell what the guidance is like on the same rows,
    whatever the strategy: see `sma_core.nn.measures`. ``steps`` are those of the whole training, over which the
    choice is annealed; held-out masks are not annealed.
    """

    selection = "held_out_random_loss"
    higher_is_better = False

    def __init__(
        self,
        module: SMA,
        masking: MaskingConfig,
        held_out: Sequence[Batch],
        steps: int = 1,
        compiled: bool = False,
    ) -> None:
        self.module = module
        self._forward = torch.compile(module) if compiled else module
        self._masking = masking
        self._held_out_masking = masking.model_copy(update={"anneal": None})
        self._held_out = held_out
        self._steps = steps

    def loss(self, batch: Batch, generator: torch.Generator, step: int) -> Tensor:
        """Return the mean loss over the hidden positions of ``batch`` at ``step``, counted from 0."""
        noise = self._noise(batch, generator, randomness_at(step, self._steps, self._masking))
        loss: Tensor = self._forward(batch.inputs, batch.padding_mask, self._masking, noise).loss
        return loss

    def evaluate(self) -> dict[str, float]:
        """Return both mean losses over the held-out rows, and the measures of the guidance."""
        masking = self._held_out_masking
        own = random = self._held_out_loss(masking)
        if masking.strategy != "random" or masking.reconstruct != "hidden":
            alike = masking.model_copy(update={"strategy": "random", "reconstruct": "hidden"})
            random = self._held_out_loss(alike)
        return {"held_out_loss": own, "held_out_random_loss": random, **self._measures()}

    def _measures(self) -> dict[str, float]:
        device = next(self.module.parameters()).device
        guided = self._held_out_masking.model_copy(update={"strategy": "guided", "reconstruct": "hidden"})
        found: list[Tensor] = []
        for index, batch in enumerate(self._held_out):
            generator = torch.Generator(device).manual_seed(HELD_OUT_SEED + index)
            moved = batch.to(device)
            noises = (self._noise(moved, generator), self._noise(moved, generator))
            measures = measure_mask(self.module, moved.inputs, moved.padding_mask, guided, noises)
            found.append(torch.stack(measures).float().cpu())  # (3, B)
        means = torch.cat(found, dim=1).nanmean(dim=1).tolist() if found else []
        names = ("mask_overlap", "mask_change", "mask_entropy")
        return {name: mean for name, mean in zip(names, means, strict=False) if not math.isnan(mean)}

    def _held_out_loss(self, masking: MaskingConfig) -> float:
        device = next(self.module.parameters()).device
        total, count = 0.0, 0
        for index, batch in enumerate(self._held_out):
            generator = torch.Generator(device).manual_seed(HELD_OUT_SEED + index)
            moved = batch.to(device)
            result = self._forward(moved.inputs, moved.padding_mask, masking, self._noise(moved, generator))
            total += float(result.loss) * int(result.scored)
            count += int(result.scored)
        return total / max(count, 1)

    def _noise(self, batch: Batch, generator: torch.Generator, randomness: float = 0.0) -> MaskNoise:
        rows, length = batch.padding_mask.shape
        queries = self.module.encoder.query_count(length)
        return draw_noise(rows, queries, length, generator, batch.inputs.device, randomness)


def sample_rows(rows: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return at most ``most`` row indices, drawn once and for all, in ascending order."""
    order = np.random.default_rng(HELD_OUT_SEED).permutation(rows)
    return np.sort(order[:most]).astype(np.int64)
