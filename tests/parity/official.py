"""The recorded cases, and how the names and settings of the authors' implementation map to ours.

Our projections are fused: ``key_value`` holds their key and value weights one below the other,
``query_key_value`` all three. Everything else is a change of name.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sma_core.config.models import DecoderConfig, ModelConfig
from sma_core.nn.attention import CrossAttentionLayer, split_heads
from sma_core.nn.masking import Mask

FIXTURES = Path(__file__).parent / "fixtures"

OUTER = {
    "embed.tokens.": "perceiver.input_preprocessor.embeddings.",
    "embed.positions.": "perceiver.input_preprocessor.position_embeddings.",
    "embed.norm.": "perceiver.input_preprocessor.layernorm.",
    "encoder.latents": "perceiver.encoding_latents.latents",
    "encoder.first.": "perceiver.encoder.first_attention.",
    "encoder.layers.": "perceiver.encoder.self_attends.",
    "decoder.": "teacher.reconstruction_decoder.",
    "head.": "perceiver.decoder.",
}
"""Beginning of our name -> beginning of theirs."""

DECODER = {
    "queries": "decoder_latents.latents",
    "latent_norm": "pre_layernorm",
    "output_norm": "final_layernorm",
    "output_bias": "final_project.bias",
    "output": "final_project",
}
"""Inside a decoder or the decoder head."""

LAYER = {
    "query_norm": ("attention.attention.layernorm1",),
    "norm": ("attention.attention.layernorm1",),
    "query": ("attention.attention.query",),
    "key_value": ("attention.attention.key", "attention.attention.value"),
    "query_key_value": ("attention.attention.query", "attention.attention.key", "attention.attention.value"),
    "output": ("attention.output.dense",),
    "mlp_norm": ("layernorm",),
    "mlp_in": ("mlp.dense1",),
    "mlp_out": ("mlp.dense2",),
}
"""Inside an attention layer; several names are one below the other in ours."""


@dataclass(frozen=True)
class Case:
    """One recorded case: the authors' settings, weights and inputs, and what came out."""

    config: dict[str, Any]
    meta: dict[str, Any]
    weights: dict[str, Tensor]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    @property
    def padding_mask(self) -> Tensor:
        return self.inputs["attention_mask"].bool()


def load_case(name: str) -> Case:
    folder = FIXTURES / name
    return Case(
        json.loads((folder / "config.json").read_text()),
        json.loads((folder / "meta.json").read_text()),
        *(load_file(folder / f"{part}.safetensors") for part in ("model", "inputs", "outputs")),
    )


def our_config(official: dict[str, Any]) -> ModelConfig:
    """Our settings for one of their config.json."""
    decoder = official["teacher_args"].get("reconstruction_decoder_args") or {
        "query_num_channels": official["decoder_latent_channels"],
        "num_heads": official["decoder_heads"],
        "qk_channels": official["decoder_attention_channels"],
    }
    return ModelConfig(
        max_length=official["max_position_embeddings"],
        embedding_width=official["embedded_channels"],
        latents=official["num_latents"],
        latent_width=official["latent_channels"],
        layers=official["num_self_attends_per_block"],
        blocks=official["num_blocks"],
        cross_heads=official["num_cross_attention_heads"],
        heads=official["num_self_attention_heads"],
        cross_query_key_width=official["encoder_cross_attention_channels"],
        query_key_width=official["qk_channels"],
        cross_widening=official["cross_attention_widening_factor"],
        widening=official["self_attention_widening_factor"],
        bias=official["dense_use_bias"],
        query_residual=official["use_query_residual"],
        decoder=DecoderConfig(
            width=decoder["query_num_channels"],
            heads=decoder["num_heads"],
            query_key_width=decoder["qk_channels"],
            shared_queries=decoder.get("share_decoder_queries", False),
            shared_embedding=decoder.get("share_embedding_weights", False),
        ),
    )


def official_names(ours: str, mean_pool: bool = False) -> list[str]:
    """Their names for one parameter of ours, in the order in which ours stacks them."""
    start = next(beginning for beginning in OUTER if ours.startswith(beginning))
    prefix, rest = OUTER[start], ours.removeprefix(start)
    if start in ("decoder.", "head."):
        if rest.startswith("layer."):
            prefix, rest = prefix + "decoding_cross_attention.", rest.removeprefix("layer.")
        else:
            module, dot, kind = rest.partition(".")
            return [prefix + ("linear" if mean_pool else DECODER[module]) + dot + kind]
    if start == "encoder.layers.":
        index, _, rest = rest.partition(".")
        prefix = f"{prefix}{index}."
    if not (rest and start in ("encoder.first.", "encoder.layers.", "decoder.", "head.")):
        return [prefix + rest]
    module, _, kind = rest.partition(".")
    return [f"{prefix}{name}.{kind}" for name in LAYER[module]]


def official_gradients(
    module: nn.Module, weights: dict[str, Tensor], mean_pool: bool = False
) -> dict[str, Tensor]:
    """Our gradients under their names, the fused ones taken apart."""
    found = {}
    for ours, parameter in module.named_parameters():
        names = official_names(ours, mean_pool)
        parts = parameter.grad.split([len(weights[name]) for name in names])
        found |= dict(zip(names, parts, strict=True))
    return found


def load_official(module: nn.Module, weights: dict[str, Tensor], mean_pool: bool = False) -> set[str]:
    """Fill all parameters of our module; gives the names of theirs that were read."""
    ours = module.state_dict()
    names = {name: official_names(name, mean_pool) for name in ours}
    module.load_state_dict({name: torch.cat([weights[part] for part in names[name]]) for name in ours})
    return {part for parts in names.values() for part in parts}


def mask_from(hidden: Tensor) -> Mask:
    """`Mask` of given hidden positions ``(B, N)``."""
    counts = hidden.sum(dim=1)
    positions = hidden.int().sort(dim=1, descending=True, stable=True).indices[:, : int(counts.max())]
    return Mask(hidden, positions, torch.arange(positions.shape[1]) < counts[:, None])


class Seen:
    """The last input and output of every module, taken with forward hooks."""

    def __init__(self, model: nn.Module) -> None:
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}
        for name, module in model.named_modules():
            module.register_forward_hook(self._hook(name))

    def _hook(self, name):
        def hook(module, inputs, output):
            self.outputs[name] = output
            self.inputs[name] = inputs[0]

        return hook

    def scores(self, name: str, layer: CrossAttentionLayer) -> Tensor:
        """Scaled scores ``(B, H, M, N)`` of a cross-attention layer from the outputs of its projections."""
        heads, width = layer.settings.heads, layer.settings.query_key_width
        queries = split_heads(self.outputs[f"{name}.query"], heads)
        keys = split_heads(self.outputs[f"{name}.key_value"][..., :width], heads)
        return queries @ keys.transpose(-2, -1) / (width // heads) ** 0.5

    def encoder_stages(self, layer: CrossAttentionLayer, visible: Tensor, layers: int) -> dict[str, Tensor]:
        """Every recorded stage up to the latents, under its recorded name."""
        scores = self.scores("encoder.first", layer)
        found = {
            "embedded": self.outputs["embed"],
            "cross.scores_raw": scores,
            "cross.probs": scores.masked_fill(~visible[:, None, None, :], -torch.inf).softmax(-1),
            "cross.context": self.inputs["encoder.first.output"],
            "cross.attention_output": self.inputs["encoder.first.mlp_norm"],
            "cross.layer_output": self.inputs["encoder.layers.0"],
            "latents.final": self.outputs[f"encoder.layers.{layers - 1}"],
        }
        return found | {f"latents.layer{i}": self.outputs[f"encoder.layers.{i}"] for i in range(layers)}


def assert_as_recorded(ours: Tensor, recorded: Tensor, what: str, floor: float = 1.0, share: float = 1e-5) -> None:
    """Largest difference at most ``share`` times the largest recorded value, itself at least ``floor``."""
    assert ours.shape == recorded.shape, f"{what}: {tuple(ours.shape)} is not {tuple(recorded.shape)}"
    limit = share * max(floor, recorded.abs().max().item())
    difference = (ours.detach().double() - recorded.double()).abs().max().item()
    assert difference <= limit, f"{what}: differs by {difference:.3g}, allowed {limit:.3g}"


def assert_gradients_as_recorded(module: nn.Module, case: Case, mean_pool: bool = False) -> None:
    """Every recorded gradient, and the norm of all of them."""
    norm = torch.stack([parameter.grad.norm() for parameter in module.parameters()]).norm()
    assert_as_recorded(norm, case.outputs["grad_norm_all"], "grad_norm_all", floor=0.1)
    ours = official_gradients(module, case.weights, mean_pool)
    recorded = [name for name in case.outputs if name.startswith("grad.")]
    assert len(recorded) > 10
    for name in recorded:
        assert_as_recorded(ours[name.removeprefix("grad.")], case.outputs[name], name, floor=0.1)
