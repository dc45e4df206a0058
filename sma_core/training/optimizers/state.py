"""The state of any torch optimiser as named tensors, for checkpoints without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sma_core.devices.parallel import distribute_like

_NUMBER = "number:"
"""Prefix of the names of entries that are Python numbers, stored as float64 or int64 scalars."""


def optimizer_tensors(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """Return the optimiser's state as ``entry.parameter`` -> tensor.

    Includes the tensors and numbers of ``optimizer.state[parameter]``; entries of other types are ignored.
    """
    tensors: dict[str, Tensor] = {}
    for name, parameter in module.named_parameters():
        for entry, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{entry}.{name}"] = value
            elif isinstance(value, int | float):
                tensors[f"{_NUMBER}{entry}.{name}"] = torch.tensor(
                    value, dtype=torch.float64 if isinstance(value, float) else torch.int64
                )
    return tensors


def load_optimizer_tensors(
    optimizer: torch.optim.Optimizer, module: nn.Module, tensors: Mapping[str, Tensor]
) -> None:
    """Restore the state that `optimizer_tensors` returned, also from checkpoints of earlier versions."""
    entries: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        entry, _, name = key.partition(".")
        entries.setdefault(name, {})[entry] = tensor
    for name, parameter in module.named_parameters():
        if name in entries:
            optimizer.state[parameter] = {
                entry.removeprefix(_NUMBER): _restored(entry, tensor, parameter)
                for entry, tensor in entries[name].items()
            }


def _restored(entry: str, tensor: Tensor, parameter: Tensor) -> Any:  # noqa: ANN401 - a tensor or a number
    """Move an entry to the parameter's device; entries of its shape are sharded like the parameter."""
    if entry.startswith(_NUMBER):
        return tensor.item()
    if tensor.shape == parameter.shape and entry != "step":
        return distribute_like(tensor, parameter)
    return tensor.to(parameter.device)
