"""Optimisers by name: one file each, with its function ``build``; plugins add theirs through ``sma_optimizers``.

A builder is a function ``(groups, config) -> torch.optim.Optimizer``. ``groups`` are torch's parameter groups, each
with its ``weight_decay`` and ``share``, the share of the learning rate, which the loop applies. What the user passes
besides is in ``config.optimizer_options``. The state of an optimiser is saved as named tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from sma_core.config import TrainingConfig
from sma_core.training.optimizers import adamw

Groups = list[dict[str, Any]]
Builder = Callable[[Groups, TrainingConfig], torch.optim.Optimizer]

BUILDERS: Mapping[str, Builder] = {"adamw": adamw.build}
"""The core's own optimisers."""
SHARE = "share"
"""Key of a parameter group: its share of the learning rate."""


def parameter_groups(
    module: nn.Module, config: TrainingConfig, rates: Mapping[str, float] | None = None
) -> Groups:
    """Group the trainable parameters by weight decay and learning rate; vectors (norms, biases) get no decay.

    ``rates`` are shares of the learning rate by parameter name; None means that all learn at the full rate.
    """
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            rate = 1.0 if rates is None else rates[name]
            groups.setdefault((parameter.ndim >= 2, rate), []).append(parameter)
    return [
        {"params": groups[key], "weight_decay": config.weight_decay if key[0] else 0.0, SHARE: key[1]}
        for key in sorted(groups, reverse=True)
    ]


def build_optimizer(
    module: nn.Module,
    config: TrainingConfig,
    rates: Mapping[str, float] | None = None,
    builder: Builder | None = None,
) -> torch.optim.Optimizer:
    """Build the optimiser of a module's trainable parameters.

    ``builder`` None is the one that ``training.optimizer`` names in the core; ``rates`` as in `parameter_groups`.
    """
    build = BUILDERS[config.optimizer] if builder is None else builder
    return build(parameter_groups(module, config, rates), config)


def skips_by_itself(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether the optimiser leaves out a step when its ``found_inf`` is set, as torch's fused ones do."""
    return all(bool(group.get("fused")) for group in optimizer.param_groups)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group to its share of ``rate``."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group[SHARE]
