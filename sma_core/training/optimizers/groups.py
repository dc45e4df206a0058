"""From a module's parameters to an optimiser, and the learning rate of each group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import nn

from sma_core.config import TrainingConfig
from sma_core.training.optimizers.adamw import adamw

_SHARE = "share"
"""Key of a parameter group: its share of the learning rate."""


class OptimizerFactory(Protocol):
    """Makes an optimiser; any of torch's kind will do, but one that needs a closure."""

    def __call__(self, groups: list[dict[str, Any]], config: TrainingConfig) -> torch.optim.Optimizer:
        """Build it over ``groups``, each with ``params``, ``weight_decay`` and a share of the learning rate."""
        ...


def build_optimizer(
    module: nn.Module,
    config: TrainingConfig,
    rates: Mapping[str, float] | None = None,
    factory: OptimizerFactory = adamw,
) -> torch.optim.Optimizer:
    """Build an optimiser over the trainable parameters; vectors (norms, biases) get no weight decay.

    ``rates`` are shares of the learning rate by parameter name; empty: all learn at the whole rate.
    """
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            rate = 1.0 if rates is None else rates[name]
            groups.setdefault((parameter.ndim >= 2, rate), []).append(parameter)
    return factory(
        [
            {"params": groups[key], "weight_decay": config.weight_decay if key[0] else 0.0, _SHARE: key[1]}
            for key in sorted(groups, reverse=True)
        ],
        config,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let every parameter learn at its share of ``rate`` from the next update on."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(_SHARE, 1.0)
