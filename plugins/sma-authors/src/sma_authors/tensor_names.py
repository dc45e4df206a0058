"""Mapping between tensor names of the authors' checkpoints and ours.

Our projections are fused: ``key_value`` stacks their key and value weights along the rows, ``query_key_value`` all
three. All other tensors are only renamed. Their files store every encoder tensor under two or three names;
`canonical` returns the first.
"""

from __future__ import annotations

from collections.abc import Iterator

PREPROCESSOR = "perceiver.input_preprocessor."
EMBEDDING_TABLE = f"{PREPROCESSOR}embeddings."
RECONSTRUCTION = "teacher.reconstruction_decoder."

_OUTER = {
    "embed.tokens.": EMBEDDING_TABLE,
    "embed.positions.": f"{PREPROCESSOR}position_embeddings.",
    "embed.projection.": f"{PREPROCESSOR}input_projection.",
    "embed.norm.": f"{PREPROCESSOR}layernorm.",
    "encoder.latents": "perceiver.encoding_latents.latents",
    "encoder.first.": "perceiver.encoder.cross_attention.",
    "encoder.layers.": "perceiver.encoder.self_attends.",
    "decoder.": RECONSTRUCTION,
    "head.": "perceiver.decoder.",
}
"""Prefix of our name -> prefix of theirs."""

_DECODER = {
    "queries": "decoder_latents.latents",
    "mask_token": "learned_mask_token",
    "latent_norm": "pre_layernorm",
    "output_norm": "final_layernorm",
    "output_layers": "post_decoder_layers",
    "output_bias": "final_project.bias",
    "output": "final_project",
}
"""Modules of a decoder or the decoder head: our name -> theirs."""

_LAYER = {
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
"""Modules of an attention layer: our name -> theirs; ours stacks several of theirs along the rows."""

_COPIES = {
    "teacher.student_model.": "perceiver.",
    "teacher.encoder_input_preprocesor.": PREPROCESSOR,
    f"{RECONSTRUCTION}encoder_input_preprocessor.": PREPROCESSOR,
    "perceiver.decoder.encoder_input_preprocessor.": PREPROCESSOR,
    f"{RECONSTRUCTION}embedding_layer.": EMBEDDING_TABLE,
    "perceiver.decoder.embedding_layer.": EMBEDDING_TABLE,
}
"""Prefix of a duplicate name -> prefix of the first name, including the authors' misspellings."""


def official_names(ours: str, mean_head: bool = False) -> list[str]:
    """Return their names for one of our parameters, in the order in which ours stacks them."""
    start = next(prefix for prefix in _OUTER if ours.startswith(prefix))
    prefix, rest = _OUTER[start], ours.removeprefix(start)
    if start in ("decoder.", "head."):
        if not rest.startswith("layer."):
            module, dot, kind = rest.partition(".")
            return [f"{prefix}{'linear' if mean_head else _DECODER[module]}{dot}{kind}"]
        prefix, rest = f"{prefix}decoding_cross_attention.", rest.removeprefix("layer.")
    elif start == "encoder.layers.":
        index, _, rest = rest.partition(".")
        prefix = f"{prefix}{index}."
    elif start != "encoder.first.":
        return [prefix + rest]
    module, _, kind = rest.partition(".")
    return [f"{prefix}{name}.{kind}" for name in _LAYER[module]]


def canonical(name: str) -> str:
    """Return the first name of a tensor that their files store under several names."""
    name = name.removeprefix("module.")
    changed = True
    while changed:
        changed = False
        for copy, original in _COPIES.items():
            if name.startswith(copy):
                name, changed = original + name.removeprefix(copy), True
    return name


def copies(name: str, pretraining: bool, shared_embedding: bool, decoder_head: bool) -> Iterator[str]:
    """Yield all names under which their files store the tensor with the first name ``name``."""
    yield name
    inner = name.removeprefix(PREPROCESSOR)
    if pretraining and name.startswith("perceiver."):
        yield f"teacher.student_model.{name.removeprefix('perceiver.')}"
        if inner != name:
            yield f"teacher.encoder_input_preprocesor.{inner}"
            yield f"{RECONSTRUCTION}encoder_input_preprocessor.{inner}"
        if shared_embedding and name.startswith(EMBEDDING_TABLE):
            yield f"{RECONSTRUCTION}embedding_layer.{name.removeprefix(EMBEDDING_TABLE)}"
    elif decoder_head and inner != name:
        yield f"perceiver.decoder.encoder_input_preprocessor.{inner}"
