"""Conversion of the authors' ``config.json`` to our settings.

Missing keys and nulls get the authors' defaults. Settings that their code ignores are ignored; settings that
it cannot run raise `CheckpointError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from sma_core.config.masking import MaskingConfig
from sma_core.config.models import DecoderConfig, ModelConfig
from sma_core.errors import CheckpointError
from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs, Inputs

Facts = Mapping[str, Any]
MASKING_NAME = "RandomlySelectedCrossAttentionMasking"
ENCODERS: dict[str, Literal["cross-attention", "self-attention"]] = {
    "cross_attention": "cross-attention",
    "self_attention": "self-attention",
}
HEADS = {"cross_attention": "decoder", "mean_pool": "mean"}


@dataclass(frozen=True)
class AuthorsModel:
    """Settings read from the authors' ``config.json``.

    ``head`` is our name of a classification model's head, which has ``outputs`` outputs; it is None for a
    pre-training model. ``problem`` is the file's ``problem_type``. ``masking`` is None if the file has no
    supported masking function.
    """

    model: ModelConfig
    inputs: Inputs
    masking: MaskingConfig | None
    head: str | None
    outputs: int
    problem: str | None


def read_settings(facts: Facts) -> AuthorsModel:
    """Convert a parsed ``config.json``; raise `CheckpointError` with the name of an unsupported key."""
    if facts.get("model_type", "sma") != "sma":
        raise CheckpointError(f"config.json: model_type is {facts['model_type']!r}; expected 'sma'")
    for key, only in (("hidden_act", "gelu"), ("final_project", True)):
        if facts.get(key, only) != only:
            raise CheckpointError(f"config.json: {key} is {facts[key]!r}; only {only!r} is supported")
    inputs = _inputs(facts)
    teacher = facts.get("teacher_args") or {}
    arguments = teacher.get("reconstruction_decoder_args")
    try:
        if arguments:
            decoder = _reconstruction_decoder(facts, teacher, arguments, inputs)
            return AuthorsModel(_model(facts, decoder, inputs), inputs, _masking(facts), None, 0, None)
        decoder = _head_decoder(facts)
        outputs = len(facts.get("id2label") or ()) or int(facts.get("output_channels", 2))
        head = _one_of(facts, "decoder_type", HEADS)
        problem = facts.get("problem_type")
        return AuthorsModel(_model(facts, decoder, inputs), inputs, None, head, outputs, problem)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise CheckpointError(f"config.json: {name} is not supported: {first['msg']}") from error


def _inputs(facts: Facts) -> Inputs:
    kind = facts.get("input_type", "continuous")
    if kind == "discrete":
        return DiscreteInputs(facts.get("num_discrete_tokens", 262))
    if kind == "continuous":
        return ContinuousInputs(facts.get("input_channels", 3))
    raise CheckpointError(f"config.json: input_type is {kind!r}; it must be 'discrete' or 'continuous'")


def _model(facts: Facts, decoder: DecoderConfig, inputs: Inputs) -> ModelConfig:
    width = facts.get("latent_channels", 1024)
    _equal(facts, "v_channels", facts.get("v_channels"), "latent_channels", width)
    query_key = facts.get("qk_channels")
    return ModelConfig(
        encoder=_one_of(facts, "encoder_type", ENCODERS),
        max_length=facts.get("max_position_embeddings", 50176),
        embedding_width=facts.get("embedded_channels", 256),
        positions="learned" if _has_positions(facts, inputs) else "none",
        missing_values="mean",
        latents=facts.get("num_latents", 512),
        latent_width=width,
        layers=facts.get("num_self_attends_per_block", 6),
        blocks=facts.get("num_blocks", 1),
        cross_heads=facts.get("num_cross_attention_heads", 1),
        heads=facts.get("num_self_attention_heads", 8),
        cross_query_key_width=facts.get("encoder_cross_attention_channels") or query_key,
        query_key_width=query_key,
        cross_widening=facts.get("cross_attention_widening_factor", 1),
        widening=facts.get("self_attention_widening_factor", 1),
        bias=facts.get("dense_use_bias", False),
        query_residual=facts.get("use_query_residual", True),
        dropout=facts.get("hidden_dropout_prob", 0.0),
        attention_dropout=facts.get("attention_dropout_prob", 0.0),
        drop_path=facts.get("drop_path_rate", 0.0),
        initializer_range=facts.get("initializer_range", 0.02),
        position_initializer_range=facts.get("pe_initializer_range", 0.02),
        decoder=decoder,
    )


def _has_positions(facts: Facts, inputs: Inputs) -> bool:
    """Return whether the model has position embeddings, which discrete inputs always have."""
    return isinstance(inputs, DiscreteInputs) or bool(facts.get("use_position_embeddings", True))


def _reconstruction_decoder(facts: Facts, teacher: Facts, arguments: Facts, inputs: Inputs) -> DecoderConfig:
    discrete = isinstance(inputs, DiscreteInputs)
    loss = "crossentropy" if discrete else "mse"
    if teacher.get("reconstruction_loss_fn", loss) != loss:
        raise CheckpointError(
            f"config.json: teacher_args.reconstruction_loss_fn is {teacher['reconstruction_loss_fn']!r}; "
            f"{facts.get('input_type')} inputs need {loss!r}"
        )
    embedding = facts.get("embedded_channels", 256)
    width = arguments.get("query_num_channels") or embedding
    _equal(arguments, "v_channels", arguments.get("v_channels") or width, "query_num_channels", width)
    shared_queries = bool(arguments.get("share_decoder_queries")) and bool(
        facts.get("use_position_embeddings", True)
    )
    layers = _output_layers(arguments.get("post_decoder_layers"))
    output_width = ([layer for layer in layers if isinstance(layer, int)] or [width])[-1]
    return DecoderConfig(
        width=width,
        heads=arguments.get("num_heads") or facts.get("decoder_heads", 1),
        query_key_width=arguments.get("qk_channels") or width,
        widening=arguments.get("widening_factor", 1),
        query_residual=arguments.get("use_query_residual", False),
        shared_queries=shared_queries,
        mask_token=shared_queries and bool(arguments.get("add_mask_token")),
        output_layers=layers,
        shared_embedding=discrete and bool(arguments.get("share_embedding_weights")) and output_width == embedding,
        weighted_loss=bool(teacher.get("reconstruction_weighted_loss")),
        target_mean=_numbers(teacher.get("target_mean")),
        target_spread=_numbers(teacher.get("target_std")),
        target_clip=teacher.get("target_clip"),
    )


def _head_decoder(facts: Facts) -> DecoderConfig:
    """Read the decoder settings of a classification model."""
    if (facts.get("num_outputs") or 1) != 1:
        raise CheckpointError(f"config.json: num_outputs is {facts['num_outputs']}; only 1 is supported")
    width = facts.get("decoder_latent_channels") or facts.get("latent_channels", 1024)
    return DecoderConfig(
        width=width,
        heads=facts.get("decoder_heads", 1),
        query_key_width=facts.get("decoder_attention_channels") or facts.get("qk_channels") or width,
        output_layers=_output_layers(facts.get("post_decoder_layers")),
    )


def _masking(facts: Facts) -> MaskingConfig | None:
    """Read the masking settings; return None unless there is exactly one function, of a supported type."""
    listed = facts.get("cross_train_noising_args")
    if not listed or len(listed) != 1 or listed[0][0] != MASKING_NAME:
        return None
    arguments = listed[0][1]
    start = arguments.get("select_initial_ratio")
    varying = arguments.get("varying_length", True)
    return MaskingConfig(
        ratio=arguments.get("masking_ratio", 0.5),
        keys_per_query=arguments.get("num_per_query", 576),
        head_aggregation=arguments.get("head_aggregation", "mean"),
        mask_self=arguments.get("mask_self", False),
        varying_length=varying,
        reconstruct="hidden" if arguments.get("exclude_seen_reconstruction", True) else "all",
        anneal=None if start is None else ("mix" if varying else "candidates"),
        anneal_start=1.0 if start is None else start,
    )


def _output_layers(text: str | None) -> tuple[Any, ...]:
    """Parse output layers such as ``"256 gelu"``: widths of linear layers and names of activations."""
    return tuple(int(word) if word.isdigit() else word for word in (text or "").split())


def _numbers(value: Any) -> Any:  # noqa: ANN401 - a number, a list, or a list of lists
    if value is None:
        return None
    if not isinstance(value, list):
        return (float(value),)
    return tuple(tuple(inner) if isinstance(inner, list) else inner for inner in value)


def _one_of(facts: Facts, key: str, choices: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a value of any type
    value = facts.get(key, "cross_attention")
    if value not in choices:
        raise CheckpointError(f"config.json: {key} is {value!r}; it must be one of {', '.join(choices)}")
    return choices[value]


def _equal(facts: Facts, key: str, value: Any, other: str, expected: Any) -> None:  # noqa: ANN401 - JSON values
    if value != expected:
        raise CheckpointError(
            f"config.json: {key} is {facts.get(key)!r}, but it must equal {other} ({expected}) because "
            "values are added to queries"
        )
