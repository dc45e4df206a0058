"""Sines and cosines of the position, mapped linearly to the width (Vaswani et al. 2017; Tancik et al. 2020).

Their number does not depend on the length of rows. On a grid every axis has features and a linear map of its own.

Shapes: N padded length, W width of the vectors, A_i size of axis i, F features of an axis.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from sma_core.config.models import ModelConfig
from sma_core.nn.positions.axes import grid_of, sum_over_axes

OCTAVES = 16
"""The longest wavelength is 2 ** (OCTAVES + 1) positions, the shortest 2."""
BANDS = 2 * OCTAVES + 1
"""Number of wavelengths, two per octave."""


class Fourier(nn.Module):
    """Linear maps of the Fourier features of each axis of ``model.grid``, or of one axis if it is empty."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.grid = grid_of(config)
        self.maps = nn.ModuleList(nn.Linear(2 * BANDS, width, bias=False) for _ in self.grid)
        self.register_buffer("features", fourier_features(max(self.grid)), persistent=False)  # (max A_i, F)

    features: Tensor

    def forward(self, length: int) -> Tensor:
        """Return the vectors ``(length, width)`` of the first positions, in the precision of the parameters."""

        def vectors(axis: int, size: int) -> Tensor:
            mapped: Tensor = self.maps[axis](self.features[:size])  # (size, F) -> (size, W)
            return mapped

        with torch.autocast(self.features.device.type, enabled=False):
            return sum_over_axes(self.grid, length, vectors)


def fourier_features(length: int) -> Tensor:
    """Return the features ``(length, F)`` of positions: sines and cosines; each row has norm 1."""
    wavelengths = 2.0 ** (1.0 + torch.arange(BANDS, dtype=torch.float64) / 2)  # 2 to 2 ** 17
    angles = torch.arange(length, dtype=torch.float64)[:, None] * (2.0 * math.pi / wavelengths)
    return (torch.cat((angles.sin(), angles.cos()), dim=1) / math.sqrt(BANDS)).to(torch.float32)
