"""Conversion of our settings to the authors' ``config.json``."""

from __future__ import annotations

from typing import Any

from sma_authors.settings import ENCODERS, HEADS, MASKING_NAME, AuthorsModel
from sma_core.config.masking import MaskingConfig
from sma_core.config.models import DecoderConfig
from sma_core.errors import CheckpointError
from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs, Inputs

_UNUSED = {
    "layernorm_eps": 1e-12,
    "layer_norm_eps": 1e-12,
    "loss_fn": "mse",
    "project_after_concat": True,
    "decoder_type": "cross_attention",
    "decoder_heads": 1,
    "num_outputs": 1,
    "share_decoder_queries": False,
    "share_embedding_weights": False,
}
"""Keys of the authors' files that have no effect, with their usual values."""


def write_settings(settings: AuthorsModel) -> dict[str, Any]:
    """Return the content of ``config.json``; raise `CheckpointError` for settings their code does not support."""
    model, inputs = settings.model, settings.inputs
    if model.positions not in ("learned", "none"):
        raise CheckpointError(
            f"the authors' code has learned positions only, not model.positions {model.positions}"
        )
    discrete = isinstance(inputs, DiscreteInputs)
    facts = {
        "model_type": "sma",
        "architectures": ["SMAForSSL" if settings.head is None else "SMAForSequenceClassification"],
        "encoder_type": _theirs(ENCODERS, model.encoder),
        "input_type": "discrete" if discrete else "continuous",
        "input_channels": inputs.channels if isinstance(inputs, ContinuousInputs) else 3,
        "num_discrete_tokens": inputs.vocabulary_size if isinstance(inputs, DiscreteInputs) else 262,
        "max_position_embeddings": model.max_length,
        "use_position_embeddings": model.positions == "learned",
        "embedded_channels": model.embedding_width,
        "num_latents": model.latents,
        "latent_channels": model.latent_width,
        "v_channels": model.latent_width,
        "qk_channels": model.query_key,
        "encoder_cross_attention_channels": model.cross_query_key,
        "num_blocks": model.blocks,
        "num_self_attends_per_block": model.layers,
        "num_cross_attention_heads": model.cross_heads,
        "num_self_attention_heads": model.heads,
        "cross_attention_widening_factor": model.cross_widening,
        "self_attention_widening_factor": model.widening,
        "dense_use_bias": model.bias,
        "use_query_residual": model.query_residual,
        "hidden_act": "gelu",
        "hidden_dropout_prob": model.dropout,
        "attention_dropout_prob": model.attention_dropout,
        "drop_path_rate": model.drop_path,
        "initializer_range": model.initializer_range,
        "pe_initializer_range": model.position_initializer_range or model.initializer_range,
        "final_project": True,
        "cross_eval_noising_args": None,
        **_UNUSED,
    }
    return facts | (_pretraining(settings) if settings.head is None else _classification(settings))


def _pretraining(settings: AuthorsModel) -> dict[str, Any]:
    decoder = settings.model.decoder
    discrete = isinstance(settings.inputs, DiscreteInputs)
    if decoder.mask_token and not decoder.shared_queries:
        raise CheckpointError(
            "the authors' decoder supports a mask token only with shared queries (model.decoder.shared_queries)"
        )
    arguments = {
        "query_num_channels": decoder.width,
        "qk_channels": decoder.query_key,
        "v_channels": decoder.width,
        "num_heads": decoder.heads,
        "num_outputs": settings.model.max_length,
        "output_channels": _width(settings.inputs),
        "widening_factor": decoder.widening,
        "use_query_residual": decoder.query_residual,
        "share_decoder_queries": decoder.shared_queries,
        "share_embedding_weights": decoder.shared_embedding,
        "add_mask_token": decoder.mask_token,
        "post_decoder_layers": _layers(decoder),
    }
    teacher = {
        "reconstruction_decoder_args": arguments,
        "reconstruction_loss_fn": "crossentropy" if discrete else "mse",
        "reconstruction_weighted_loss": decoder.weighted_loss,
        "target_mean": decoder.target_mean,
        "target_std": decoder.target_spread,
        "target_clip": decoder.target_clip,
    }
    return {
        "teacher_name": "ReconstructionTeacher",
        "teacher_args": teacher,
        "use_decoder": False,
        "cross_train_noising_args": _masking(settings.masking),
    }


def _classification(settings: AuthorsModel) -> dict[str, Any]:
    decoder, head = settings.model.decoder, settings.head
    if head not in HEADS.values():
        raise CheckpointError(
            f"the authors' code has no head {head!r}; only decoder and mean heads can be exported"
        )
    if head == "decoder" and (decoder.widening != 1 or not decoder.query_residual):
        raise CheckpointError(
            "the authors' decoder head needs widening = 1 and query_residual = true in [model.decoder]"
        )
    labels = {str(index): f"LABEL_{index}" for index in range(settings.outputs)}
    return {
        "decoder_type": _theirs(HEADS, head),
        "decoder_latent_channels": decoder.width,
        "decoder_attention_channels": decoder.query_key,
        "decoder_heads": decoder.heads,
        "post_decoder_layers": _layers(decoder),
        "num_outputs": 1,
        "output_channels": settings.outputs,
        "use_decoder": True,
        "problem_type": settings.problem,
        "id2label": labels,
        "label2id": {name: int(index) for index, name in labels.items()},
        "teacher_args": {},
        "cross_train_noising_args": None,
    }


def _masking(masking: MaskingConfig | None) -> list[Any] | None:
    """Return their masking arguments, or None (no masking) if their code does not support ours."""
    if masking is None or not can_express(masking):
        return None
    arguments = {
        "masking_ratio": masking.ratio,
        "num_per_query": int(keys) if (keys := masking.keys_per_query).is_integer() else keys,
        "varying_length": masking.varying_length,
        "exclude_seen_reconstruction": masking.reconstruct == "hidden",
        "head_aggregation": masking.head_aggregation,
        "mask_self": masking.mask_self,
        "select_initial_ratio": masking.anneal_start if masking.anneal else None,
    }
    return [[MASKING_NAME, arguments]]


def can_express(masking: MaskingConfig) -> bool:
    """Return whether the authors' masking function supports these settings."""
    form = "mix" if masking.varying_length else "candidates"
    return masking.strategy == "guided" and masking.layer == 0 and masking.anneal in (None, form)


def _width(inputs: Inputs) -> int:
    """Return the number of outputs per position: the vocabulary size, or the number of channels."""
    return inputs.vocabulary_size if isinstance(inputs, DiscreteInputs) else inputs.channels


def _layers(decoder: DecoderConfig) -> str | None:
    return " ".join(map(str, decoder.output_layers)) or None


def _theirs(names: dict[str, Any], ours: str | None) -> str:
    return next(theirs for theirs, own in names.items() if own == ours)
