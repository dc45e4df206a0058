"""Exponential moving average of the weights, which is evaluated and saved instead of the latest weights.

The decay rises with the steps, ``min(decay, (1 + step) / (10 + step))``, so that the average soon forgets the
initial weights. A checkpoint holds the average as the model, and the latest weights beside the optimiser's state,
so that training resumes exactly.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import torch
from torch import Tensor, nn

from sma_core.config import TrainingConfig

LATEST = "latest-weights."
"""Prefix of the latest weights among the tensors of a checkpoint's training state."""


class WeightAverage:
    """A copy of ``module`` with averaged parameters, `module`, in evaluation mode and without gradients."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self._averaged = module
        self.module = copy.deepcopy(module).eval().requires_grad_(False)

    @classmethod
    def of(cls, module: nn.Module, config: TrainingConfig) -> Self | None:
        """Return the average that ``training.average_decay`` asks for, or None."""
        return None if config.average_decay is None else cls(module, config.average_decay)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the weights after ``step`` (from 1)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for averaged, latest in self._pairs():
            averaged.lerp_(latest.to(averaged.dtype), 1.0 - decay)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Give the trained module the averaged weights within the context, and `module` the latest ones."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for averaged, latest in self._pairs():
            kept = averaged.clone()
            averaged.copy_(latest)
            latest.copy_(kept)

    def _pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(self.module.parameters(), self._averaged.parameters(), strict=True)

    def latest_weights(self) -> dict[str, Tensor]:
        """Return the latest weights for a checkpoint; call it while the average is `in_use`."""
        return {LATEST + name: tensor for name, tensor in self.module.named_parameters()}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take the average from the trained module, and load its latest weights from a checkpoint's ``tensors``.

        Without latest weights among them, as in a checkpoint made without an average, both are the module's.
        """
        for averaged, latest in self._pairs():
            averaged.copy_(latest)
        for name, parameter in self._averaged.named_parameters():
            if LATEST + name in tensors:
                parameter.copy_(tensors[LATEST + name])
