"""Layer-wise learning-rate decay: the nearer a layer is to the input, the more slowly it learns.

What lies near the input needs the least change after pre-training (Howard and Ruder 2018; Clark et al. 2020;
Bao et al. 2022). The head has depth 0, the last layer of the trunk 1, the first L, the first attention with its
latents L + 1 and the embedding L + 2; a parameter of depth d learns at ``decay ** d`` of the rate.

A trunk that is passed several times (``model.blocks``) is L layers still: each counts by its last pass, the one
that is nearest to the head.
"""

from __future__ import annotations

from sma_core.nn.model import Predictor


def layer_rates(module: Predictor, decay: float) -> dict[str, float]:
    """Return the share of the learning rate that each parameter of ``module`` gets, by its name."""
    layers = len(module.encoder.layers)
    return {name: decay ** _depth(name, layers) for name, _ in module.named_parameters()}


def _depth(name: str, layers: int) -> int:
    """Return how many layers lie between a parameter and the outputs; ``layers`` is L."""
    part, *inner = name.split(".")
    if part == "embed":
        return layers + 2
    if part != "encoder":
        return 0
    return layers - int(inner[1]) if inner[0] == "layers" else layers + 1
