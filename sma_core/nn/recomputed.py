"""Activation checkpointing: recompute intermediate tensors in the backward pass instead of storing them.

``torch.utils.checkpoint`` does the same but imports torch's compiler at its first call, which takes seconds and
300 MB, more than it saves for a small model. It is used for compiled models, which import the compiler anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint


def recomputed(work: Callable[..., Tensor], device: torch.device, *args: Any) -> Tensor:  # noqa: ANN401 - any inputs
    """Return ``work(*args)``, storing only ``args`` for the backward pass.

    The backward pass calls ``work`` again with the same autocast state and random state (of ``device`` and the
    CPU). ``work`` may depend on its arguments, parameters and random numbers only.
    """
    if torch.compiler.is_compiling():
        compiled: Tensor = checkpoint(work, *args, use_reentrant=False)
        return compiled
    recomputation = _Recomputation(work, device, args)
    with saved_tensors_hooks(recomputation.drop, recomputation.get):
        return work(*args)


class _AllRecomputedError(Exception):
    """All dropped tensors are recomputed; stops ``work`` early."""


class _Recomputation:
    """Counts the tensors dropped in the forward pass, and recomputes them in the backward pass."""

    def __init__(self, work: Callable[..., Tensor], device: torch.device, args: tuple[Any, ...]) -> None:
        self._work, self._args, self._device = work, args, device
        self._dropped = 0
        self._tensors: list[Tensor | None] = []
        self._cpu_state = torch.get_rng_state()
        self._device_state = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        self._autocast = torch.autocast(
            device.type,
            torch.get_autocast_dtype(device.type),
            torch.is_autocast_enabled(device.type),
            torch.is_autocast_cache_enabled(),
        )

    def drop(self, tensor: Tensor) -> int:
        """Drop a tensor and return its number, the argument of `get`."""
        self._dropped += 1
        return self._dropped - 1

    def get(self, number: int) -> Tensor:
        """Return a dropped tensor and release it, since most are requested once."""
        if not self._tensors or self._tensors[number] is None:
            self._recompute()
        tensor, self._tensors[number] = self._tensors[number], None
        assert tensor is not None
        return tensor

    def _recompute(self) -> None:
        tensors: list[Tensor | None] = []

        def keep(tensor: Tensor) -> Tensor:
            tensors.append(detached := tensor.detach())  # detached, else an output would reference itself
            if len(tensors) == self._dropped:
                raise _AllRecomputedError
            return detached

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
                self._work(*self._args)
            except _AllRecomputedError:
                self._tensors = tensors
                return
        raise RuntimeError(
            f"{self._work} saved {self._dropped} tensors in the forward pass but {len(tensors)} when recomputed"
        )
