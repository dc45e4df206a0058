"""A linear probe inside a predictor: what fine-tuning falls back to when no epoch is better.

Shapes: B batch, D latent width, O outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.heads import mean_latents


class Probe(nn.Module):
    """A linear map of the standardised mean latents, which replaces the outputs of a head while it is active.

    It has buffers and no parameters, since training does not change it: ``mean`` and ``spread`` ``(D,)`` of the
    features of training rows, ``weight`` ``(O, D)``, ``bias`` ``(O,)`` and the scalar ``active``. `set` fits them
    and activates the probe; it is fitted to the pre-trained encoder, so training deactivates it.
    """

    mean: Tensor
    spread: Tensor
    weight: Tensor
    bias: Tensor
    active: Tensor

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.register_buffer("weight", torch.zeros(outputs, width))
        self.register_buffer("bias", torch.zeros(outputs))
        self.register_buffer("active", torch.tensor(False))

    def forward(self, latents: Latents, outputs: Tensor) -> Tensor:
        """Return the outputs ``(B, O)`` of the probe if it is active, else ``outputs`` ``(B, O)`` of the head.

        Computed in the type of the buffers under any autocast: differences between rows can be small.
        """
        with torch.autocast(latents.values.device.type, enabled=False):
            features = ((mean_latents(latents) - self.mean) / self.spread).to(self.weight.dtype)  # (B, D)
            probed = functional.linear(features, self.weight, self.bias)  # (B, O)
        return torch.where(self.active, probed.to(outputs.dtype), outputs)

    def set(self, mean: Tensor, spread: Tensor, weight: Tensor, bias: Tensor) -> None:
        """Set scale and weights, and activate the probe; shapes as those of the buffers."""
        for own, value in ((self.mean, mean), (self.spread, spread), (self.weight, weight), (self.bias, bias)):
            own.copy_(value)
        self.active.fill_(True)

    def deactivate(self) -> None:
        """Use the outputs of the head from now on."""
        self.active.fill_(False)
