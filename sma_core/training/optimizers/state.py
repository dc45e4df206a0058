"""The state of any optimiser as named tensors, for checkpoints."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sma_core.devices.parallel import like
from sma_core.errors import CheckpointError


def optimizer_tensors(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """Return the optimiser's tensors as ``entry.parameter`` -> tensor, such as ``exp_avg.embed.norm.weight``.

    Raises `CheckpointError` for state that is no tensor.
    """
    tensors: dict[str, Tensor] = {}
    for name, parameter in module.named_parameters():
        for entry, value in sorted(optimizer.state.get(parameter, {}).items()):
            if isinstance(value, Tensor):
                tensors[f"{entry}.{name}"] = value
            elif value is not None:
                raise CheckpointError(
                    f"the optimiser {type(optimizer).__name__} keeps {entry!r} as {type(value).__name__}, but a "
                    "checkpoint holds tensors: its author must keep a tensor"
                )
    return tensors


def load_optimizer_tensors(
    optimizer: torch.optim.Optimizer, module: nn.Module, tensors: Mapping[str, Tensor]
) -> None:
    """Restore what `optimizer_tensors` returned.

    Tensors of a parameter's shape are placed and sharded as the parameter is. Counters stay on the CPU unless the
    optimiser is fused or capturable, as torch has it.
    """
    parameters = dict(module.named_parameters())
    on_device = any(group.get("fused") or group.get("capturable") for group in optimizer.param_groups)
    states: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        entry, _, name = key.partition(".")
        if name in parameters:
            parameter = parameters[name]
            same = tensor.ndim > 0 and tensor.shape == parameter.shape
            place = parameter.device if on_device or tensor.ndim > 0 else tensor.device
            states.setdefault(name, {})[entry] = like(tensor, parameter) if same else tensor.to(place)
    for name, state in states.items():
        optimizer.state[parameters[name]] = state
