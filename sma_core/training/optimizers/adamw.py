"""AdamW (Loshchilov and Hutter 2019), torch's fused one: the optimiser of the paper."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from sma_core.config import TrainingConfig


class LightAdamW(torch.optim.AdamW):
    """AdamW that does not import torch's compiler (0.8 s, 140 MB), which only an optimiser that is compiled needs.

    torch wraps these methods so that its compiler skips them, and imports it at their first call to say so.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


def build(groups: list[dict[str, Any]], config: TrainingConfig) -> torch.optim.Optimizer:
    """Build AdamW with betas 0.9 and ``training.beta2``; options are torch's, such as ``eps``."""
    return LightAdamW(
        groups, lr=config.learning_rate, betas=(0.9, config.beta2), fused=True, **config.optimizer_options
    )
