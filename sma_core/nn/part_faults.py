"""What is wrong with the results of parts of the network that plugins provide: a phrase, or None.

Shapes are checked in every call, which costs nothing. Values are checked in every call on the CPU; on other
devices, where looking at them waits for the device, in the first `LOOKS` calls and then in one of `LOOK_EVERY`.

Shapes: B batch, N padded length, K positions to reconstruct, L latents, D width of latents, W width of positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sma_core.nn.attention import Projected, may_look
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.heads import Encoded
from sma_core.nn.losses.reconstruction import Reconstruction
from sma_core.nn.masking import Mask
from sma_core.plugin_calls import given

LOOKS = 8
"""Number of first calls in which values are checked on any device."""
LOOK_EVERY = 64
"""Values are checked again in one of so many calls, where that waits for the device."""
ROUNDING = 1e-3
"""Relative error of a number of positions that a loss has computed in float32 or narrower."""


@dataclass(eq=False)
class Looks:
    """Tells in which calls values are looked at."""

    calls: int = 0

    def due(self, tensor: Tensor) -> bool:
        """Whether to look at values in this call, which is counted."""
        if torch.compiler.is_compiling():
            return False
        self.calls += 1
        return may_look(tensor) or self.first or self.calls % LOOK_EVERY == 0

    @property
    def first(self) -> bool:
        """Whether this is one of the first calls, before training can have diverged."""
        return self.calls <= LOOKS


def fault_of_mask(mask: object, candidates: Tensor) -> str | None:
    """Return what a masking strategy must return; ``candidates`` ``(B, N)`` bool may be hidden. Values aside."""
    if not isinstance(mask, Mask) or not all(isinstance(tensor, Tensor) for tensor in mask):
        return f"a sma_core.nn.masking.Mask, as its function hide does, not {given(mask)}"
    rows, length = candidates.shape
    if mask.hidden.shape != (rows, length) or mask.hidden.dtype != torch.bool:
        return f"a mask whose hidden is bool of shape {(rows, length)}, not {given(mask.hidden)}"
    positions, valid = mask.positions, mask.valid
    if positions.dim() != 2 or len(positions) != rows or positions.dtype != torch.int64:
        return f"a mask whose positions are int64 of shape ({rows}, K), not {given(positions)}"
    if valid.shape != positions.shape or valid.dtype != torch.bool:
        return f"a mask whose valid is bool of shape {tuple(positions.shape)}, not {given(valid)}"
    return None


def fault_of_hiding(mask: Mask, candidates: Tensor) -> str | None:
    """Return what the values of a mask must be; ``candidates`` ``(B, N)`` bool may be hidden. Synchronises."""
    length = candidates.shape[1]
    if mask.positions.numel() and not bool(((mask.positions >= 0) & (mask.positions < length)).all()):
        return f"a mask whose positions are from 0 to {length - 1}, also where they are not valid"
    wrong = (mask.hidden & ~candidates).any(dim=1)
    if bool(wrong.any()):
        return (
            f"a mask that hides no padding and no missing value, as in row {_first(wrong)} of the batch: "
            "situation.padding_mask is True where an input may be hidden"
        )
    wrong = candidates.any(dim=1) & ~(candidates & ~mask.hidden).any(dim=1)
    if bool(wrong.any()):
        return f"a mask that leaves an input of every row visible, also of row {_first(wrong)} of the batch"
    listed = torch.zeros_like(candidates).scatter(1, mask.positions, mask.valid)
    if bool(((listed & ~candidates) | (mask.hidden & ~listed)).any()):
        return "a mask that lists every hidden position, and no padding, in positions where valid"
    return None


def _first(rows: Tensor) -> int:
    """Return the number, from 1, of the first True of ``(B,)``."""
    return int(rows.nonzero()[0]) + 1


def fault_of_outputs(outputs: object, rows: int, length: int, count: int, per_position: bool) -> str | None:
    """Return what a head must return for ``rows`` rows of ``length`` inputs; values aside."""
    shape = (rows, length, count) if per_position else (rows, count)
    if isinstance(outputs, Tensor) and outputs.shape == shape and outputs.is_floating_point():
        return None
    words = "(B, N, outputs)" if per_position else "(B, outputs)"
    return f"a tensor of floating-point numbers of shape {words} = {shape}, not {given(outputs)}"


def fault_of_numbers(numbers: Tensor, looks: Looks, *inputs: Tensor) -> str | None:
    """Return what finite ``inputs`` must give in the first calls: finite ``numbers``."""
    if not looks.due(numbers) or not looks.first or numbers.dtype == torch.float16:
        return None
    if bool(numbers.isfinite().all()) or not all(bool(tensor.isfinite().all()) for tensor in inputs):
        return None
    return "finite numbers" + (", as its inputs are" if inputs else "")


@dataclass(eq=False)
class HeadFault:
    """Checks the outputs of a ``head`` of ``count`` outputs: their shape, gradient and, at first, numbers."""

    head: nn.Module
    count: int
    per_position: bool

    def __post_init__(self) -> None:
        self.looks = Looks()

    def __call__(self, outputs: object, encoded: Encoded) -> str | None:
        """Return what the head must return for ``encoded``."""
        rows, length = encoded.padding_mask.shape
        fault = fault_of_outputs(outputs, rows, length, self.count, self.per_position)
        if fault is not None:
            return fault
        assert isinstance(outputs, Tensor)
        if self.head.training and torch.is_grad_enabled() and not outputs.requires_grad:
            return "outputs that depend on its parameters or inputs: these have no gradient, so nothing is trained"
        if not self.looks.due(outputs) or not self.looks.first or outputs.dtype == torch.float16:
            return None
        if bool(outputs.isfinite().all()) or not bool(encoded.latents.values.isfinite().all()):
            return None
        return "finite outputs, as its inputs are"


def fault_of_vectors(vectors: object, length: int, width: int) -> str | None:
    """Return what position embeddings must return for ``length`` positions."""
    if isinstance(vectors, Tensor) and vectors.shape == (length, width) and vectors.is_floating_point():
        return None
    return f"a tensor of floating-point numbers of shape (length, width) = {(length, width)}, not {given(vectors)}"


def fault_of_reconstruction(result: object, outputs: Tensor) -> str | None:
    """Return what a loss must return for ``outputs``; values aside."""
    if not isinstance(result, Reconstruction):
        return f"a sma_core.nn.losses.reconstruction.Reconstruction, not {given(result)}"
    for name in ("loss", "scored"):
        value = getattr(result, name)
        if not isinstance(value, Tensor) or value.dim() != 0:
            return f"a Reconstruction whose {name} is a tensor of one number, of shape (), not {given(value)}"
    if not result.loss.is_floating_point() or (outputs.requires_grad and not result.loss.requires_grad):
        return "a loss that depends on the outputs: this one has no gradient, so nothing is trained"
    return None


def fault_of_scored(scored: float, most: int) -> str | None:
    """Return what a loss must return as the number of scored positions, of which ``most`` are valid."""
    if -ROUNDING <= scored <= most * (1.0 + ROUNDING):  # False for NaN
        return None
    return (
        f"a Reconstruction whose scored is the number of positions that it scored, from 0 to the {most:,} where "
        f"mask.valid, not {scored:,g}"
    )


@dataclass(eq=False)
class LossFault:
    """Checks the result of a loss: shapes, gradient, the number of scored positions and, at first, the loss."""

    def __post_init__(self) -> None:
        self.looks = Looks()

    def __call__(self, result: object, outputs: Tensor, _: Tensor, mask: Mask) -> str | None:
        """Return what the loss must return for ``outputs`` ``(B, K, V)`` or ``(B, K, C)`` at ``mask``."""
        fault = fault_of_reconstruction(result, outputs)
        if fault is not None or not self.looks.due(outputs):
            return fault
        assert isinstance(result, Reconstruction)
        if (fault := fault_of_scored(float(result.scored), int(mask.valid.sum()))) is not None:
            return fault
        if not self.looks.first or bool(result.loss.isfinite()) or not bool(outputs.isfinite().all()):
            return None
        return f"a finite loss, as the outputs are, not {float(result.loss)}"


def fault_of_latents(latents: object, rows: int, width: int) -> str | None:
    """Return what an encoder must return for ``rows`` rows: vectors ``(B, L, D)``, and which are real."""
    if not isinstance(latents, Latents):
        return f"a sma_core.nn.encoders.encoder.Latents, not {given(latents)}"
    values, real = latents
    fits = isinstance(values, Tensor) and values.dim() == 3 and values.shape[1] > 0
    if not fits or (len(values), values.shape[2]) != (rows, width):
        return f"Latents whose values have the shape (B, L, D) = ({rows}, L, {width}), not {given(values)}"
    expected = tuple(values.shape[:2])
    if real is not None and not (isinstance(real, Tensor) and real.shape == expected and real.dtype == torch.bool):
        return f"Latents whose real is None, or bool of shape (B, L) = {expected}, not {given(real)}"
    return None


def fault_of_projection(projected: object) -> str | None:
    """Return what the first projection of an encoder must return."""
    if isinstance(projected, Projected) and all(isinstance(tensor, Tensor) for tensor in projected):
        return None
    return f"a sma_core.nn.attention.Projected of three tensors, not {given(projected)}"
