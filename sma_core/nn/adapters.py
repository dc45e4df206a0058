"""Low-rank adapters (LoRA, Hu et al. 2022): train a small update of each linear projection of the encoder.

A projection of weight W computes with ``W + alpha / rank * B A``; only A and B are trained. That sum is also what
a state dict holds, so that checkpoints have the names and shapes of a network without adapters. `adapter_tensors`
returns the parts of the sum, to continue training exactly.

Shapes: I inputs, O outputs, r rank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sma_core.errors import ConfigError
from sma_core.nn.model import Predictor

PREFIX = "adapter."
"""Prefix of the tensors of adapters among those of a checkpoint's training state."""


class LowRankLinear(nn.Module):
    """A linear projection with a frozen weight (O, I) and a trained update of rank r, at first 0."""

    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        outputs, inputs = linear.weight.shape
        self.weight, self.bias = linear.weight.requires_grad_(False), linear.bias
        self.lora_a = nn.Parameter(linear.weight.new_empty(rank, inputs).normal_(std=inputs**-0.5))  # (r, I)
        self.lora_b = nn.Parameter(linear.weight.new_zeros(outputs, rank))  # (O, r)
        self.scale = alpha / rank

    def merged(self) -> Tensor:
        """Return the weight with its update, (O, I), in the precision of the parameters."""
        with torch.autocast(self.weight.device.type, enabled=False):
            return self.weight + self.scale * (self.lora_b @ self.lora_a)

    def forward(self, inputs: Tensor) -> Tensor:
        """Project ``inputs`` (..., I) to (..., O)."""
        return functional.linear(inputs, self.merged(), self.bias)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:  # noqa: ANN401 - torch's
        destination[f"{prefix}weight"] = self.merged().detach()
        if self.bias is not None:
            destination[f"{prefix}bias"] = self.bias.detach()

    @torch.no_grad()
    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *others: Any) -> None:  # noqa: ANN401
        """Take the weight, of which the update is a part, and set the update to 0."""
        self.weight.copy_(state_dict[f"{prefix}weight"])
        if self.bias is not None:
            self.bias.copy_(state_dict[f"{prefix}bias"])
        self.lora_b.zero_()


def add_adapters(module: Predictor, rank: int, alpha: float) -> None:
    """Freeze embedding and encoder, and give each linear projection of the encoder an adapter.

    Uses torch's global generator. Raises `ConfigError` if the rank is larger than a projection allows.
    """
    module.embed.requires_grad_(False)
    module.encoder.requires_grad_(False)
    parents = dict(module.encoder.named_modules())
    for name, part in parents.items():
        if type(part) is not nn.Linear:  # torch's own attention reads the weight of its subclass
            continue
        if rank > min(part.weight.shape):
            raise ConfigError(
                f"training.lora_rank is {rank}, but encoder.{name} has only {min(part.weight.shape)} inputs or "
                "outputs: use a lower rank"
            )
        parent, _, own = name.rpartition(".")
        setattr(parents[parent], own, LowRankLinear(part, rank, alpha))


def adapters(module: nn.Module) -> Iterator[tuple[str, LowRankLinear]]:
    """Yield the projections with adapters, by name."""
    return ((name, part) for name, part in module.named_modules() if isinstance(part, LowRankLinear))


def adapter_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return the frozen weights and the updates, for a checkpoint; empty without adapters."""
    return {
        f"{PREFIX}{name}.{entry}": getattr(part, entry).detach()
        for name, part in adapters(module)
        for entry in ("weight", "lora_a", "lora_b")
    }


@torch.no_grad()
def restore_adapters(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Restore what `adapter_tensors` returned, after the module has loaded its state dict."""
    for name, part in adapters(module):
        for entry in ("weight", "lora_a", "lora_b"):
            getattr(part, entry).copy_(tensors[f"{PREFIX}{name}.{entry}"])


def merged_parameter_count(module: nn.Module) -> int:
    """Return the number of parameters of ``module`` once adapters are part of their weights."""
    return sum(value.numel() for name, value in module.named_parameters() if ".lora_" not in name)
