"""First values and sizes of parameters.

Every weight, learned latent and learned query starts as a normal draw with the standard deviation
``model.initializer_range``, every bias at 0, and a LayerNorm as the identity, as in the Perceiver.
"""

from __future__ import annotations

from torch import nn


def initialise(module: nn.Module, standard_deviation: float) -> None:
    """Give all parameters of ``module`` their first values, in place.

    The draws come from torch's global generator: call ``torch.manual_seed(seed)`` before building a
    model, and equal seeds give equal models.
    """
    for part in module.modules():
        if isinstance(part, nn.LayerNorm):
            continue
        for name, parameter in part.named_parameters(recurse=False):
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                nn.init.normal_(parameter, std=standard_deviation)


def parameter_count(module: nn.Module) -> int:
    """Count the trained numbers in ``module``, a parameter used in two places counted once."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
