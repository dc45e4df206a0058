"""AdamW, its learning rate as a function of the step, and its state as named tensors."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sma_core.config import TrainingConfig
from sma_core.devices.parallel import distribute_like

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
_SHARE = "share"
"""Key of a parameter group: its share of the learning rate."""


class LightAdamW(torch.optim.AdamW):
    """AdamW that does not import torch's compiler (0.8 s, 140 MB), which only an optimiser that is compiled needs.

    torch wraps these methods so that its compiler leaves them alone, and imports it at their first call to say so.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


def build_optimizer(
    module: nn.Module, config: TrainingConfig, rates: Mapping[str, float] | None = None
) -> torch.optim.AdamW:
    """Build AdamW over the trainable parameters; vectors (norms, biases) get no weight decay.

    ``rates`` are shares of the learning rate by parameter name; empty: all learn at the whole rate.
    """
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            rate = 1.0 if rates is None else rates[name]
            groups.setdefault((parameter.ndim >= 2, rate), []).append(parameter)
    return LightAdamW(
        [
            {"params": groups[key], "weight_decay": config.weight_decay if key[0] else 0.0, _SHARE: key[1]}
            for key in sorted(groups, reverse=True)
        ],
        lr=config.learning_rate,
        betas=(0.9, config.beta2),
        fused=True,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let every parameter learn at its share of ``rate`` from the next update on."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group[_SHARE]


def learning_rate(step: int, steps: int, config: TrainingConfig) -> float:
    """Learning rate of the update that makes step ``step`` (counted from 1) of ``steps``.

    Linear over the warm-up, then constant, or half a cosine that would reach 0 one step after the last.
    """
    warmup = min(config.warmup_steps, max(steps - 1, 0))
    if step <= warmup:
        return config.learning_rate * step / warmup
    if config.schedule == "constant":
        return config.learning_rate
    share = (step - 1 - warmup) / max(steps - warmup, 1)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0)))


def optimizer_tensors(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """Return the optimiser's state as ``moment.parameter`` -> tensor."""
    return {
        f"{moment}.{name}": optimizer.state[parameter][moment]
        for name, parameter in module.named_parameters()
        if parameter in optimizer.state
        for moment in _MOMENTS
    }


def load_optimizer_tensors(
    optimizer: torch.optim.Optimizer, module: nn.Module, tensors: Mapping[str, Tensor]
) -> None:
    """Put back what `optimizer_tensors` returned."""
    for name, parameter in module.named_parameters():
        if f"step.{name}" in tensors:
            optimizer.state[parameter] = {
                "step": tensors[f"step.{name}"].to(parameter.device),
                "exp_avg": distribute_like(tensors[f"exp_avg.{name}"], parameter),
                "exp_avg_sq": distribute_like(tensors[f"exp_avg_sq.{name}"], parameter),
            }
