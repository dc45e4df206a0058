"""The built-in position embeddings by name."""

from __future__ import annotations

from sma_core.config.models import ModelConfig
from sma_core.nn.built_in import find_built_in
from sma_core.nn.positions.axes import Axes
from sma_core.nn.positions.fourier import Fourier
from sma_core.nn.positions.learned import Learned
from sma_core.nn.positions.none import no_positions
from sma_core.nn.positions.protocol import PositionFactory

_BUILT_IN: dict[str, PositionFactory] = {
    "learned": Learned,
    "none": no_positions,
    "axes": Axes,
    "fourier": Fourier,
}


def built_in_positions(config: ModelConfig) -> PositionFactory:
    """Return the factory of ``model.positions``; raises `ConfigError` if there is no built-in one of that name."""
    return find_built_in(_BUILT_IN, "model.positions", config.positions)
