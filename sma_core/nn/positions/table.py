"""The built-in position embeddings by name."""

from __future__ import annotations

from sma_core.config.models import ModelConfig
from sma_core.errors import ConfigError
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
    factory = _BUILT_IN.get(config.positions)
    if factory is None:
        raise ConfigError(
            f"model.positions {config.positions!r} is not built in (built-in: {', '.join(_BUILT_IN)}): pass the "
            "factory of the plugin that provides it"
        )
    return factory
