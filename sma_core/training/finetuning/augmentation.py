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
from sma_core.nn.attention import may_look
from sma_core.plugin_calls import errors_of, given

AugmentFunction = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""``(inputs, padding_mask, generator) -> inputs``: ids ``(B, N)`` or standardised numbers ``(B, N, C)``."""


@dataclass(frozen=True)
class Augmenter:
    """A plugin's function; ``name`` is "the augmentation 'jitter' of sma-lab 1.0", for messages."""

    function: AugmentFunction
    name: str

    def __call__(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return changed inputs of the same shape and type; raises `PluginError` for others.

        On the CPU, where looking at numbers does not wait, it is checked that finite ones stay finite.
        """
        with errors_of(self.name):
            changed: object = self.function(batch.inputs, batch.padding_mask, generator)
        inputs = batch.inputs
        if not isinstance(changed, Tensor) or changed.shape != inputs.shape or changed.dtype != inputs.dtype:
            raise PluginError(
                f"{self.name} must return inputs of shape {tuple(inputs.shape)} and type {inputs.dtype}, not "
                f"{given(changed)}"
            )
        if not changed.is_floating_point() or not may_look(changed):
            return changed
        if bool(changed.isinf().any() | (changed.isnan() & ~inputs.isnan()).any()):
            raise PluginError(f"{self.name} must return finite numbers, NaN only where an input is missing")
        return changed
