"""Build an optimiser with parameter groups, and set its learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import nn

from sma_core.config import TrainingConfig
from sma_core.training.optimizers.adamw import adamw

_SHARE = "share"
"""Key of a parameter group's learning-rate factor."""


class OptimizerFactory(Protocol):
    """Builds a torch optimiser whose ``step`` needs no closure."""

    def __call__(self, groups: list[dict[str, Any]], config: TrainingConfig) -> torch.optim.Optimizer:
        """Build the optimiser from ``groups`` with ``params``, ``weight_decay`` and a learning-rate factor."""
        ...


def build_optimizer(
    module: nn.Module,
    config: TrainingConfig,
    rates: Mapping[str, float] | None = None,
    factory: OptimizerFactory = adamw,
) -> torch.optim.Optimizer:
    """Build an optimiser over the trainable parameters; vectors (norms, biases) get no weight decay.

    ``rates`` are learning-rate factors by parameter name; None means 1 for all.
    """
    groups: dict[tuple[bool, bool, float], list[nn.Parameter]] = {}
    matrices = hidden_matrices(module)
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            rate = 1.0 if rates is None else rates[name]
            groups.setdefault((parameter.ndim >= 2, name in matrices, rate), []).append(parameter)
    return factory(
        [
            {
                "params": groups[key],
                "weight_decay": config.weight_decay if key[0] else 0.0,
                "hidden": key[1],
                _SHARE: key[2],
            }
            for key in sorted(groups, reverse=True)
        ],
        config,
    )


def hidden_matrices(module: nn.Module) -> set[str]:
    """Return the names of the weights of linear maps from hidden units to hidden units.

    These are all maps but those of the embedding, of the decoder's outputs, and of a head outside its ``layer``.
    """
    names = {f"{name}.weight".lstrip(".") for name, part in module.named_modules() if isinstance(part, nn.Linear)}
    return {
        name
        for name in names
        if not name.startswith(("embed.", "decoder.output."))
        and (not name.startswith("head.") or ".layer." in name)
    }


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every parameter group to ``rate`` times the group's factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(_SHARE, 1.0)
