"""A learned vector for each place on each axis of a grid, such as rows and columns of pixels.

The vector of a position is the sum over the axes, so the number of parameters grows with the sides of the grid,
not with its area.

Shapes: N padded length, W width of the vectors, A_i size of axis i.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from sma_core.config.models import ModelConfig


class Axes(nn.Module):
    """A table of vectors for each axis of ``model.grid``."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.grid = grid_of(config)
        self.tables = nn.ModuleList(nn.Embedding(size, width) for size in self.grid)  # (A_i, W) each

    def forward(self, length: int) -> Tensor:
        """Return the vectors ``(length, width)`` of the first positions, the last axis fastest."""

        def vectors(axis: int, size: int) -> Tensor:
            table = self.tables[axis]
            assert isinstance(table, nn.Embedding)
            return table.weight[:size]

        return sum_over_axes(self.grid, length, vectors)


def grid_of(config: ModelConfig) -> tuple[int, ...]:
    """Return ``model.grid``, or one axis of ``model.max_length`` positions."""
    return config.grid or (config.max_length,)


def sum_over_axes(grid: Sequence[int], length: int, vectors: Callable[[int, int], Tensor]) -> Tensor:
    """Return the sums ``(N, W)`` of the vectors of all axes, row-major, for the first ``length`` positions.

    ``vectors(axis, size)`` gives the first ``size`` vectors ``(size, W)`` of an axis.
    """
    total = vectors(0, -(-length // math.prod(grid[1:])))
    for axis, size in enumerate(grid[1:], start=1):
        total = (total[:, None] + vectors(axis, size)).flatten(0, 1)  # (n, A_i, W) -> (n * A_i, W)
    return total[:length]
