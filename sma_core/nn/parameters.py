"""Initialisation and number of parameters.

Weights, learned latents and learned queries are drawn from a normal distribution with standard deviation
``model.initializer_range``, biases are 0, and LayerNorms are the identity, as in the Perceiver.
"""

from __future__ import annotations

from torch import nn


def initialise(module: nn.Module, standard_deviation: float) -> None:
    """Initialise all parameters of ``module`` in place.

    Uses torch's global generator: call ``torch.manual_seed(seed)`` before building a model to reproduce it.
    """
    for submodule in module.modules():
        if isinstance(submodule, nn.LayerNorm):
            continue
        for name, parameter in submodule.named_parameters(recurse=False):
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                nn.init.normal_(parameter, std=standard_deviation)


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable parameters of ``module``; shared parameters are counted once."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
