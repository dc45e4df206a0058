"""Intermediate activations of a forward pass, by the names used in recordings.

Forward hooks capture the activations of the modules used in training. Fused attention does not return its
probabilities, so these are computed from the projections of the same pass.

Shapes: B batch size, H heads, N padded length, Q queries, L encoder outputs, P maximum length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sma_core.nn.attention import CrossAttentionLayer, split_heads
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.masking import Mask
from sma_core.nn.model import SMA, Predictor


class Seen:
    """First argument and output of the last call of every module, captured by `watching`."""

    def __init__(self) -> None:
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def scores(self, name: str, layer: CrossAttentionLayer) -> Tensor:
        """Return the scaled scores ``(B, H, Q, N)`` of the cross-attention layer ``name``."""
        settings = layer.settings
        queries = split_heads(self.outputs[f"{name}.query"], settings.heads)  # ([B,] H, Q, d)
        keys = split_heads(self.outputs[f"{name}.key_value"][..., : settings.query_key_width], settings.heads)
        return torch.matmul(queries / math.sqrt(queries.shape[-1]), keys.transpose(-2, -1))


@contextmanager
def watching(module: nn.Module) -> Iterator[Seen]:
    """Capture inputs and outputs of all submodules while the context is open."""
    seen = Seen()

    def hook(name: str) -> Any:  # noqa: ANN401 - torch's hook type
        def keep(_: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
            seen.inputs[name] = arguments[0] if arguments else None
            seen.outputs[name] = output

        return keep

    handles = [part.register_forward_hook(hook(name)) for name, part in module.named_modules() if name]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def mask_of(hidden: Tensor) -> Mask:
    """Return the `Mask` of hidden positions ``(B, N)`` bool."""
    counts = hidden.sum(dim=1)
    most = max(int(counts.max()), 1)
    positions = hidden.int().sort(dim=1, descending=True, stable=True).indices[:, :most]
    return Mask(hidden, positions, torch.arange(most) < counts[:, None])


def first_layer(model: SMA | Predictor, inputs: Tensor, visible: Tensor, prefix: str = "") -> dict[str, Tensor]:
    """Run the model up to the first layer and return its stages for all queries; visible ``(B, N)`` bool."""
    encoder = model.encoder
    with watching(model) as seen:
        embedded = model.embed(inputs)
        output = encoder.first(encoder.queries(embedded), embedded, visible)
    scores = seen.scores("encoder.first", encoder.first)
    stages = {
        "embedded": embedded,
        "cross.scores_raw": scores.expand(len(inputs), -1, -1, -1),
        "cross.probs": _softmax(scores, visible),
        "cross.context": seen.inputs["encoder.first.output"],
        "cross.attention_output": seen.inputs["encoder.first.mlp_norm"],
        "cross.layer_output": output,
    }
    return {f"{prefix}{name}": value for name, value in stages.items()}


def trunk_stages(seen: Seen, model: SMA | Predictor) -> dict[str, Tensor]:
    """Return the trunk's stages of a captured pass, each ``(B, L, D)``."""
    layers = len(model.encoder.layers)
    stages = {f"latents.layer{index}": seen.outputs[f"encoder.layers.{index}"] for index in range(layers)}
    reader = next((name for name in ("decoder.latent_norm", "head.latent_norm") if name in seen.inputs), None)
    if reader is not None:
        stages["latents.final"] = seen.inputs[reader]
    elif layers:
        stages["latents.final"] = stages[f"latents.layer{layers - 1}"]
    return stages


def decoder_stages(model: SMA, latents: Latents, marked: Tensor | None) -> dict[str, Tensor]:
    """Decode all P positions; ``marked`` ``(B, N)`` bool selects those that get the mask token."""
    rows, longest = len(latents.values), model.embed.longest
    positions = torch.arange(longest).expand(rows, -1)  # (B, P)
    if marked is not None:
        marked = nn.functional.pad(marked, (0, longest - marked.shape[1]))
    with watching(model) as seen:
        logits = model.decoder(latents, positions, model.embed, marked)
    return {
        "decoder.layer_output": seen.outputs["decoder.layer"],
        "decoder.final_layernorm": seen.outputs["decoder.output_norm"],
        "decoder.probs": _softmax(seen.scores("decoder.layer", model.decoder.layer), latents.real),
        "decoder.logits": logits,
    }


def _softmax(scores: Tensor, visible: Tensor | None) -> Tensor:
    if visible is not None:
        scores = scores.masked_fill(~visible[:, None, None, :], -torch.inf)
    return scores.softmax(dim=-1)
