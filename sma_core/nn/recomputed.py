"""Activation checkpointing: what a piece of work keeps for its gradient is dropped, and computed again there.

``torch.utils.checkpoint`` does the same, and imports torch's compiler at its first call: 300 MB and seconds, more
than it saves a small model. It stays for compiled models, which have imported the compiler anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint


def recomputed(work: Callable[..., Tensor], device: torch.device, *given: Any) -> Tensor:  # noqa: ANN401 - the work's own
    """Return ``work(*given)``; of its tensors only those ``given`` are kept for the gradient.

    The work is done again when the gradient first needs one of them, with the same autocast and the same random
    numbers of ``device`` and the CPU. It must be a function of what is given, parameters and random numbers alone.
    """
    if torch.compiler.is_compiling():
        compiled: Tensor = checkpoint(work, *given, use_reentrant=False)
        return compiled
    again = _Again(work, device, given)
    with saved_tensors_hooks(again.drop, again.get):
        return work(*given)


class _EnoughError(Exception):
    """All that was dropped is there again; what would follow is not needed."""


class _Again:
    """Counts what is dropped, and makes it again."""

    def __init__(self, work: Callable[..., Tensor], device: torch.device, given: tuple[Any, ...]) -> None:
        self._work, self._given, self._device = work, given, device
        self._dropped = 0
        self._made: list[Tensor | None] = []
        self._cpu_state = torch.get_rng_state()
        self._device_state = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        self._autocast = torch.autocast(
            device.type,
            torch.get_autocast_dtype(device.type),
            torch.is_autocast_enabled(device.type),
            torch.is_autocast_cache_enabled(),
        )

    def drop(self, tensor: Tensor) -> int:
        """Give the number by which `get` finds the tensor."""
        self._dropped += 1
        return self._dropped - 1

    def get(self, number: int) -> Tensor:
        """Give a dropped tensor and forget it: mostly it is asked for once."""
        if not self._made or self._made[number] is None:
            self._make()
        tensor, self._made[number] = self._made[number], None
        assert tensor is not None
        return tensor

    def _make(self) -> None:
        made: list[Tensor | None] = []

        def keep(tensor: Tensor) -> Tensor:
            made.append(kept := tensor.detach())  # an output that held itself would never be freed
            if len(made) == self._dropped:
                raise _EnoughError
            return kept

        devices = [] if self._device_state is None else [self._device]
        with (
            torch.random.fork_rng(devices=devices),
            torch.enable_grad(),
            self._autocast,
            saved_tensors_hooks(keep, lambda tensor: tensor),
        ):
            torch.set_rng_state(self._cpu_state)
            if self._device_state is not None:
                torch.cuda.set_rng_state(self._device_state, self._device)
            try:
                self._work(*self._given)
            except _EnoughError:
                self._made = made
                return
        raise RuntimeError(f"{self._work} kept {self._dropped} tensors at first and {len(made)} when done again")
