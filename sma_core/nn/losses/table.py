"""The built-in losses by name."""

from __future__ import annotations

from sma_core.config.models import DecoderConfig
from sma_core.errors import ConfigError
from sma_core.nn.losses.cross_entropy import CrossEntropy
from sma_core.nn.losses.mean_squared_error import MeanSquaredError
from sma_core.nn.losses.reconstruction import ReconstructionLoss

DISCRETE, CONTINUOUS = "cross-entropy", "mean-squared-error"
"""The loss of each kind of input, where the settings name none."""


def loss_name(config: DecoderConfig, discrete: bool) -> str:
    """Return the name of the loss: the one in the settings, else by the kind of input."""
    return config.loss or (DISCRETE if discrete else CONTINUOUS)


def built_in_loss(config: DecoderConfig, discrete: bool) -> ReconstructionLoss:
    """Return the built-in loss that the settings name.

    Raises `ConfigError` when there is none of that name for this kind of input.
    """
    name = loss_name(config, discrete)
    if name == (DISCRETE if discrete else CONTINUOUS):
        return CrossEntropy(config) if discrete else MeanSquaredError(config)
    raise ConfigError(
        f"model.decoder.loss {name!r} is no built-in loss for {'ids' if discrete else 'numbers'}: pass the loss "
        "of the plugin that has it"
    )
