"""Compare the tensors of a checkpoint with those that a network needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from sma_core.errors import CheckpointError


def check_weights(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], path: Path) -> None:
    """Raise `CheckpointError`, naming the first tensor of the run at ``path`` of another shape or kind."""
    for name in sorted(expected.keys() | weights.keys()):
        wanted, stored = _form(expected, name), _form(weights, name)
        if wanted != stored:
            raise CheckpointError(
                f"the weights of {path} do not fit the settings: {name} is {stored} in the run and {wanted} "
                "in the settings; keep the model's settings of the run"
            )


def _form(tensors: Mapping[str, Tensor], name: str) -> str:
    """Return shape and kind as text; the precision of real numbers may differ."""
    if name not in tensors:
        return "missing"
    shape, dtype = tuple(tensors[name].shape), tensors[name].dtype
    return f"{shape}" if dtype.is_floating_point else f"{shape} of {dtype}"
