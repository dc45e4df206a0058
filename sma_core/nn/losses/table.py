"""The built-in losses by name."""

from __future__ import annotations

from sma_core.config.models import DecoderConfig
from sma_core.errors import ConfigError
from sma_core.nn.losses.cross_entropy import CrossEntropy
from sma_core.nn.losses.mean_squared_error import MeanSquaredError
from sma_core.nn.losses.reconstruction import ReconstructionLoss

DISCRETE, CONTINUOUS = "cross-entropy", "mean-squared-error"
"""Default losses of discrete and of continuous inputs."""


def loss_name(config: DecoderConfig, discrete: bool) -> str:
    """Return ``model.decoder.loss`` if set, else the default for the input type."""
    return config.loss or (DISCRETE if discrete else CONTINUOUS)


def built_in_loss(config: DecoderConfig, discrete: bool) -> ReconstructionLoss:
    """Return the built-in loss set in the settings.

    Raises `ConfigError` if there is no built-in loss of that name for the input type.
    """
    name = loss_name(config, discrete)
    if name == (DISCRETE if discrete else CONTINUOUS):
        return CrossEntropy(config) if discrete else MeanSquaredError(config)
    raise ConfigError(
        f"model.decoder.loss {name!r} is not a built-in loss for {'discrete' if discrete else 'continuous'} "
        "inputs: pass the loss of the plugin that provides it"
    )
