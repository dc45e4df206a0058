"""Gradual unfreezing (Howard and Ruder 2018): train the head first, then with each epoch more layers."""

from __future__ import annotations

from torch import nn

from sma_core.nn.model import Predictor
from sma_core.training.optimizers.layer_decay import parameter_depths


class GradualUnfreezing:
    """Decides from the step alone which parameters train, so that a resumed run goes on as it would have.

    In epoch e, from 0, these are the head and the last ``e * layers_per_epoch`` layers of the encoder; its first
    attention and the embedding count as the two layers below.
    """

    def __init__(self, module: Predictor, layers_per_epoch: int, steps_per_epoch: int) -> None:
        depths = parameter_depths(module)
        self._parameters: list[tuple[nn.Parameter, int]] = [
            (parameter, depths[name]) for name, parameter in module.named_parameters()
        ]
        self._layers, self._steps = layers_per_epoch, steps_per_epoch

    def apply(self, step: int) -> None:
        """Freeze or unfreeze the parameters for ``step``, from 0."""
        deepest = step // self._steps * self._layers
        for parameter, depth in self._parameters:
            parameter.requires_grad_(depth <= deepest)

    def epochs_until_all(self) -> int:
        """Return the number of epochs before everything trains."""
        return -(-max(depth for _, depth in self._parameters) // self._layers)
