"""Layer-wise learning-rate decay: layers nearer the input get a lower learning rate.

Layers near the input need the least change after pre-training (Howard and Ruder 2018; Clark et al. 2020; Bao et
al. 2022). Depths: head 0, last encoder layer 1, first encoder layer L, first attention with its latents L + 1,
embedding L + 2. A parameter of depth d is trained with ``decay ** d`` times the learning rate.

With several blocks (``model.blocks``) the encoder still has L layers, each counted at its last pass.
"""

from __future__ import annotations

from sma_core.nn.model import Predictor


def layer_rates(module: Predictor, decay: float) -> dict[str, float]:
    """Return the learning-rate factor of each parameter of ``module`` by name."""
    return {name: decay**depth for name, depth in parameter_depths(module).items()}


def parameter_depths(module: Predictor) -> dict[str, int]:
    """Return the depth of each parameter of ``module`` by name."""
    layers = len(module.encoder.layers)
    return {name: _depth(name, layers) for name, _ in module.named_parameters()}


def _depth(name: str, layers: int) -> int:
    """Return the depth of a parameter; ``layers`` is L."""
    part, *inner = name.split(".")
    if part == "embed":
        return layers + 2
    if part != "encoder":
        return 0
    return layers - int(inner[1]) if inner[0] == "layers" else layers + 1
