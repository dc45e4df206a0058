"""Muon (Jordan et al. 2024): momentum whose matrices are orthogonalised; AdamW for all other parameters.

Shapes: G matrices of one shape, R rows, C columns.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from sma_core.config import TrainingConfig
from sma_core.errors import ConfigError
from sma_core.training.optimizers.adamw import LightAdamW

ITERATIONS = 5
"""Newton-Schulz iterations."""
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration of Jordan et al., which maps singular values to about 0.7 to 1.2."""
OPTIONS = {"momentum": 0.95, "matrix_rate": 10.0}
"""Options and their defaults: the momentum, and the learning rate of matrices in units of ``learning_rate``."""


class Muon(LightAdamW):
    """Muon for the groups with ``hidden`` matrices, fused AdamW for the others.

    ``dtype`` is that of the orthogonalisation. A matrix is updated by its orthogonalised Nesterov momentum, times
    ``max(1, R / C) ** 0.5``; weight decay is decoupled. State: ``momentum_buffer`` of each matrix.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        learning_rate: float,
        beta2: float,
        momentum: float,
        matrix_rate: float,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(groups, lr=learning_rate, betas=(0.9, beta2), fused=True)
        self.momentum, self.matrix_rate, self.dtype = momentum, matrix_rate, dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update all parameters."""
        groups = self.param_groups
        self.param_groups = [group for group in groups if not group["hidden"]]
        try:
            super().step()
        finally:
            self.param_groups = groups
        for group in groups:
            if group["hidden"]:
                self._step_matrices(group)

    def _step_matrices(self, group: dict[str, Any]) -> None:
        """Update the matrices of a group, those of one shape at once."""
        by_shape: dict[torch.Size, list[Tensor]] = {}
        for parameter in group["params"]:
            if parameter.grad is not None:
                by_shape.setdefault(parameter.shape, []).append(parameter)
        rate = group["lr"] * self.matrix_rate
        for shape, parameters in by_shape.items():
            updates = orthogonalised(
                torch.stack([self._nesterov(parameter) for parameter in parameters]), self.dtype
            )
            scale = math.sqrt(max(1.0, shape[0] / shape[1]))
            for parameter, update in zip(parameters, updates, strict=True):
                parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-rate * scale)

    def _nesterov(self, parameter: Tensor) -> Tensor:
        """Update the momentum of a parameter; return its look-ahead gradient."""
        assert parameter.grad is not None, "parameters without a gradient are left out"
        if type(parameter.grad).__name__ == "DTensor":
            raise ConfigError("training.optimizer muon needs whole matrices: use training.strategy ddp")
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        buffer: Tensor = state["momentum_buffer"]
        buffer.lerp_(parameter.grad, 1.0 - self.momentum)
        return torch.lerp(parameter.grad, buffer, self.momentum)


def orthogonalised(matrices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return matrices (G, R, C) with about the same singular vectors, and singular values near 1.

    Computed in ``dtype`` by `ITERATIONS` of the Newton-Schulz iteration, for all G matrices at once.
    """
    a, b, c = COEFFICIENTS
    values = matrices.to(dtype)
    tall = values.shape[1] > values.shape[2]
    if tall:
        values = values.mT
    values = values / (values.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        gram = values @ values.mT  # (G, R, R), R the smaller side
        values = torch.baddbmm(values, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), values, beta=a)
    return (values.mT if tall else values).to(matrices.dtype)


def muon(groups: list[dict[str, Any]], config: TrainingConfig) -> torch.optim.Optimizer:
    """Build Muon over parameter groups with ``hidden``; raises `ConfigError` for an unknown option.

    The orthogonalisation is computed in bf16 when ``training.precision`` is bf16, else in fp32: a processor that
    only emulates bf16 would take many times as long.
    """
    unknown = sorted(set(config.optimizer_options) - set(OPTIONS))
    if unknown:
        raise ConfigError(
            f"training.optimizer_options.{unknown[0]} is no option of muon: it has {', '.join(OPTIONS)}"
        )
    options = OPTIONS | {name: float(value) for name, value in config.optimizer_options.items()}
    dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
    return Muon(groups, config.learning_rate, config.beta2, options["momentum"], options["matrix_rate"], dtype)
