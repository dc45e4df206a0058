"""Random changes of the training rows of a fine-tuning, such as crops of pictures; plugins provide them.

The paper's protocol has none. They are drawn from the generator of the step, so a resumed run repeats them.

Shapes: B batch, N padded length, C channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sma_core.data.batching.batches import Batch
from sma_core.errors import PluginError

AugmentFunction = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""``(inputs, padding_mask, generator) -> inputs``: ids ``(B, N)`` or standardised numbers ``(B, N, C)``."""


@dataclass(frozen=True)
class Augmenter:
    """A plugin's function with its name for messages."""

    function: AugmentFunction
    name: str

    def __call__(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return changed inputs of the same shape and type; raises `PluginError` when they are not."""
        changed = self.function(batch.inputs, batch.padding_mask, generator)
        if changed.shape != batch.inputs.shape or changed.dtype != batch.inputs.dtype:
            raise PluginError(
                f"the augmentation {self.name} must return inputs of shape {tuple(batch.inputs.shape)} and type "
                f"{batch.inputs.dtype}, not {tuple(changed.shape)} and {changed.dtype}"
            )
        return changed
