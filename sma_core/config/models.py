"""Every setting, with its default, its limits and a description.

The descriptions are what ``sma config show`` and the reference page print. All models are frozen and
refuse unknown fields. Reading them from files and options is the business of `sma_core.config.layers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

from sma_core.config.durations import seconds_of
from sma_core.urls import without_secrets

Precision = Literal["auto", "fp32", "bf16", "fp16"]
DistributionStrategy = Literal["auto", "single", "ddp", "fsdp"]


class Settings(BaseModel):
    """Base of all settings: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _none_is_empty(cls, values: Any) -> Any:  # noqa: ANN401 - pydantic hands over what it was given
        """Read the text ``none`` as an empty value where a setting may be empty: TOML has no null."""
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields
        return {
            name: None
            if value == "none" and name in fields and NoneType in get_args(fields[name].annotation)
            else value
            for name, value in values.items()
        }


MemberName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*([-_][a-z0-9]+)*$")]
"""Name of a member of a registry: the core's, or a plugin's."""
Options = dict[str, bool | int | float | str]
"""Settings that a plugin's member reads."""

OutputLayer = Annotated[int, Field(ge=1)] | Literal["gelu", "relu", "silu", "tanh"]
Numbers = tuple[float, ...] | tuple[tuple[float, ...], ...]


class DecoderConfig(Settings):
    """The reconstruction decoder (method, steps 6 and 7)."""

    width: int = Field(256, ge=1, description="Width of the decoder's position queries and values.")
    heads: int = Field(8, ge=1, description="Attention heads of the decoder.")
    query_key_width: int | None = Field(
        None, ge=1, description="Width of queries and keys, all heads together; empty: the decoder width."
    )
    widening: int = Field(1, ge=1, description="MLP widening of the decoder's attention layer.")
    query_residual: bool = Field(True, description="Add the position queries to what the decoder attends to.")
    shared_queries: bool = Field(
        False, description="Use the encoder's position embeddings as decoder queries instead of own ones."
    )
    mask_token: bool = Field(
        False, description="Add a learned vector to the queries of the positions that are reconstructed."
    )
    output_layers: tuple[OutputLayer, ...] = Field(
        (), description="Layers before the output map: widths of linear maps, and gelu, relu, silu, tanh."
    )
    shared_embedding: bool = Field(
        False, description="Use the transposed token embedding, plus a bias, as the output map."
    )
    loss: MemberName | None = Field(
        None,
        description="Reconstruction loss by name; empty: cross-entropy or mean-squared-error, by the inputs.",
    )
    weighted_loss: bool = Field(
        False, description="Weigh hidden tokens by how rare they are among the batch's hidden ones."
    )
    target_mean: Numbers | None = Field(
        None, description="Subtracted from continuous targets: a number a channel, or a list a position."
    )
    target_spread: Numbers | None = Field(
        None, description="Continuous targets are divided by it: a number a channel, or a list a position."
    )
    target_clip: float | None = Field(
        None, gt=0.0, description="Largest size of a standardised continuous target; empty: no limit."
    )

    @property
    def query_key(self) -> int:
        """Width of queries and keys after the default is filled in."""
        return self.query_key_width or self.width

    @property
    def output_width(self) -> int:
        """Width of what the output map reads: that of the last extra linear map, or the decoder's own."""
        widths = [layer for layer in self.output_layers if isinstance(layer, int)]
        return widths[-1] if widths else self.width

    @model_validator(mode="after")
    def _spread_divides(self) -> Self:
        if self.target_spread is not None and not all(value > 0 for value in _flat(self.target_spread)):
            raise ValueError("every number of model.decoder.target_spread must be larger than 0")
        return self


def _flat(numbers: Numbers) -> Iterator[float]:
    for number in numbers:
        yield from number if isinstance(number, tuple) else (number,)


class ModelConfig(Settings):
    """The encoder and its reconstruction decoder."""

    encoder: Literal["cross-attention", "self-attention"] = Field(
        "cross-attention",
        description="How inputs enter: learned latents attend to them, or they attend to each other.",
    )
    max_length: int = Field(512, ge=1, description="Largest number of inputs in a row (position table).")
    embedding_width: int = Field(256, ge=1, description="Width E of the embedded inputs.")
    position_embeddings: bool = Field(
        True, description="Add learned position embeddings; only continuous inputs can do without."
    )
    latents: int = Field(128, ge=1, description="Number M of learned latents; unused by self-attention.")
    latent_width: int = Field(384, ge=1, description="Width D of the latents.")
    layers: int = Field(6, ge=0, description="Self-attention layers in a block of the trunk.")
    blocks: int = Field(1, ge=1, description="How often the same block of layers is passed.")
    cross_heads: int = Field(8, ge=1, description="Heads of the first (cross-)attention.")
    heads: int = Field(8, ge=1, description="Heads of self-attention.")
    cross_query_key_width: int | None = Field(
        None, ge=1, description="Width of queries and keys in the first attention; empty: the latent width."
    )
    query_key_width: int | None = Field(
        None, ge=1, description="Width of queries and keys in self-attention; empty: the latent width."
    )
    cross_widening: int = Field(1, ge=1, description="MLP widening after the first cross-attention.")
    widening: int = Field(1, ge=1, description="MLP widening of self-attention layers.")
    bias: bool = Field(False, description="Biases in attention and MLP linear maps.")
    query_residual: bool = Field(True, description="Add the queries to the first attention's output.")
    dropout: float = Field(
        0.0, ge=0.0, lt=1.0, description="Dropout after the embedding, each attention and each MLP."
    )
    attention_dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Dropout on attention probabilities.")
    drop_path: float = Field(
        0.0, ge=0.0, lt=1.0, description="Chance that a row passes a trunk layer's attention or MLP by."
    )
    initializer_range: float = Field(0.02, gt=0.0, description="Standard deviation of initial weights.")
    position_initializer_range: float | None = Field(
        None, gt=0.0, description="That of position embeddings; empty: initializer_range."
    )
    decoder: DecoderConfig = Field(default_factory=DecoderConfig, description="The reconstruction decoder.")

    @property
    def cross_query_key(self) -> int:
        """Width of queries and keys in the first attention after the default is filled in."""
        return self.cross_query_key_width or self.latent_width

    @property
    def query_key(self) -> int:
        """Width of queries and keys in the trunk after the default is filled in."""
        return self.query_key_width or self.latent_width

    @model_validator(mode="after")
    def _widths_divide(self) -> Self:
        pairs = {
            "model.latent_width by model.heads": (self.latent_width, self.heads),
            "model.query_key_width by model.heads": (self.query_key, self.heads),
            "model.decoder.width by model.decoder.heads": (self.decoder.width, self.decoder.heads),
            "model.decoder.query_key_width by model.decoder.heads": (self.decoder.query_key, self.decoder.heads),
        }
        if self.encoder == "cross-attention":
            pairs |= {
                "model.latent_width by model.cross_heads": (self.latent_width, self.cross_heads),
                "model.cross_query_key_width by model.cross_heads": (self.cross_query_key, self.cross_heads),
            }
        for what, (width, heads) in pairs.items():
            if width % heads:
                raise ValueError(f"cannot divide {what}: {width} is not a multiple of {heads}")
        return self

    @model_validator(mode="after")
    def _widths_agree(self) -> Self:
        if self.encoder == "self-attention" and self.latent_width != self.embedding_width:
            raise ValueError(
                "a self-attention encoder needs model.latent_width equal to model.embedding_width "
                f"({self.latent_width} is not {self.embedding_width})"
            )
        shared = {
            "queries": (self.decoder.shared_queries, self.decoder.width),
            "embedding": (self.decoder.shared_embedding, self.decoder.output_width),
        }
        for what, (shares, width) in shared.items():
            if shares and width != self.embedding_width:
                raise ValueError(
                    f"a decoder that shares {what} needs model.decoder.width equal to model.embedding_width "
                    f"({width} is not {self.embedding_width})"
                )
        if self.decoder.shared_queries and not self.position_embeddings:
            raise ValueError(
                "model.decoder.shared_queries shares position embeddings: it needs model.position_embeddings"
            )
        return self


class MaskingConfig(Settings):
    """What is hidden while pre-training (method, step 3)."""

    strategy: MemberName = Field(
        "guided",
        description="guided: hide what the model's own attention groups together; random: random positions; none: "
        "nothing (then every position is reconstructed); or a plugin's.",
    )
    options: Options = Field(
        default_factory=dict, description="Options of the strategy, such as temperature of sampled."
    )
    ratio: float = Field(0.3, gt=0.0, lt=1.0, description="Share r of the real positions that is hidden.")
    keys_per_query: float = Field(
        8.0, gt=0.0, description="How many inputs one drawn query stands for: N * r / k queries are drawn."
    )
    head_aggregation: Literal["mean", "random_mix"] = Field(
        "mean", description="Mean over the heads, or one random head for each query."
    )
    mask_self: bool = Field(
        False, description="Self-attention: hide the drawn queries' own positions before others."
    )
    varying_length: bool = Field(
        True, description="Count hidden positions by each row's real length; off: by the padded length."
    )
    layer: int = Field(
        0, ge=0, description="Which attention guides: 0 the first, i that of the i-th trunk layer on its way."
    )
    reconstruct: Literal["hidden", "all"] = Field(
        "hidden", description="Which positions count in the loss: the hidden ones, or all real ones."
    )
    anneal: Literal["mix", "candidates"] | None = Field(
        None,
        description="From random to guided: mix random positions in, or choose among a larger top set.",
    )
    anneal_start: float = Field(
        1.0,
        gt=0.0,
        le=1.0,
        description="At the first step: the random share of the hidden positions (mix), or the share of "
        "all positions that are candidates (candidates).",
    )
    anneal_over: float = Field(
        0.25, gt=0.0, le=1.0, description="Share of training after which the choice is guided alone."
    )

    @model_validator(mode="after")
    def _candidates_suffice(self) -> Self:
        if self.anneal == "candidates" and self.anneal_start < self.ratio:
            raise ValueError(
                f"masking.anneal_start is the share of candidates and cannot be under masking.ratio "
                f"({self.anneal_start:g} is under {self.ratio:g})"
            )
        return self


class DataConfig(Settings):
    """Where rows come from and how they become batches."""

    source: str | None = Field(
        None, description="A set's name, a file or URL, or several; empty: the domain's default set."
    )
    weights: tuple[Annotated[float, Field(gt=0.0)], ...] | None = Field(
        None, description="Pre-training: mix the sets between commas in data.source by these weights."
    )
    reader: str | None = Field(None, description="Reader by name; empty: chosen by the file's suffix.")
    column: str | None = Field(None, description="Column that holds the input; empty: a usual name is found.")
    columns: tuple[str, ...] | None = Field(
        None, description="Features of rows of numbers, in their order; empty: the set's, or all but the labels."
    )
    tokenizer: str | None = Field(None, description="Tokenizer by name; empty: the domain's own.")
    truncate: bool = Field(True, description="Cut rows longer than model.max_length; off: set them aside.")
    check_rows: bool = Field(True, description="Let the domain check each row.")
    max_rejected: float = Field(0.05, ge=0.0, le=1.0, description="Stop when a larger share of rows is unusable.")
    held_out: float = Field(0.02, gt=0.0, lt=1.0, description="Share of rows kept apart for the held-out loss.")
    packing: Literal["single", "concat"] = Field(
        "single", description="One row of the file per input, or several joined up to model.max_length."
    )
    keep_remote: bool = Field(
        True, description="Keep copies of files behind URLs; off: remove each once its rows are prepared or read."
    )
    processes: int | None = Field(
        None, ge=1, description="Processes that check rows, or prepare files; empty: one per core."
    )
    shard_rows: int = Field(
        2_000_000, ge=1, description="Rows of a file after which its store goes on in a new file."
    )

    @field_serializer("source")
    def _without_secrets(self, source: str | None) -> str | None:
        """Settings that are written or shown have URLs without passwords and signatures."""
        return None if source is None else without_secrets(source)


class TrainingConfig(Settings):
    """The optimiser, its schedule, and what is kept."""

    steps: int | None = Field(None, ge=1, description="Optimiser steps; empty: training.epochs decides.")
    epochs: float | None = Field(None, gt=0.0, description="Passes over the data, when steps is empty.")
    batch_size: int = Field(64, ge=1, description="Rows in one forward pass, those of all ranks together.")
    accumulate: int = Field(1, ge=1, description="Forward passes whose gradients make one step.")
    optimizer: MemberName = Field("adamw", description="Name of the optimiser: adamw, muon, or a plugin's.")
    optimizer_options: Options = Field(
        default_factory=dict, description="Options of the optimiser, such as momentum of muon."
    )
    learning_rate: float = Field(1e-4, gt=0.0, description="Highest learning rate.")
    weight_decay: float = Field(0.01, ge=0.0, description="Weight decay of matrices; decoupled with adamw.")
    beta2: float = Field(0.999, gt=0.0, lt=1.0, description="Second moment decay of AdamW.")
    warmup_steps: int = Field(100, ge=0, description="Steps of linear warm-up.")
    schedule: MemberName = Field(
        "cosine", description="Schedule after the warm-up: cosine, constant, stable-decay, or a plugin's."
    )
    clip_norm: float | None = Field(1.0, gt=0.0, description="Largest gradient norm; empty: no clipping.")
    precision: Precision = Field("auto", description="Arithmetic: fp32, bf16, fp16, or what suits the device.")
    device: str = Field("auto", description="torch device; auto: CUDA when there is one, else the CPU.")
    workers: int = Field(0, ge=0, description="Processes that make batches ahead; 0: the training process itself.")
    compile: bool = Field(False, description="Compile the model with torch.compile.")
    activation_checkpointing: bool = Field(
        False, description="Compute the encoder's activations again for the gradient: less memory, longer steps."
    )
    strategy: DistributionStrategy = Field(
        "auto", description="How several ranks hold the model: ddp (auto; each a copy) or fsdp (each a part)."
    )
    time_limit: str | None = Field(
        None, description="Save and stop after this time, such as 3h55m; empty: no limit."
    )
    max_skipped_steps: int = Field(
        20, ge=1, description="Steps in a row with a gradient that is not finite, left out, before training stops."
    )
    seed: int = Field(0, ge=0, description="Seed of weights, data order, masks and dropout.")
    evaluate_every: int = Field(200, ge=1, description="Steps between two held-out losses.")
    evaluate_rows: int = Field(2048, ge=1, description="At most this many held-out rows are used each time.")
    checkpoint_every: int = Field(500, ge=1, description="Steps between two checkpoints.")
    keep_last: int = Field(2, ge=1, description="Checkpoints kept besides the best.")
    log_every: int = Field(10, ge=1, description="Steps between two lines of metrics.jsonl.")
    tensorboard: bool = Field(False, description="Write all figures for TensorBoard too, in the run's folder.")

    def deadline(self, began: float) -> float | None:
        """Return when the time is up of a run that ``began`` then, both in seconds; None without a limit."""
        return None if self.time_limit is None else began + seconds_of(self.time_limit)

    @field_validator("time_limit")
    @classmethod
    def _a_time(cls, value: str | None) -> str | None:
        if value is not None:
            seconds_of(value)
        return value

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.steps is None and self.epochs is None:
            raise ValueError("set training.steps or training.epochs")
        return self


class PretrainConfig(Settings):
    """Everything `sma train` needs."""

    domain: str = Field(description="The plugin that knows the data.")
    recipe: str | None = Field(None, description="The recipe these settings began from.")
    data: DataConfig = Field(default_factory=DataConfig, description="Rows and batches.")
    model: ModelConfig = Field(default_factory=ModelConfig, description="The network.")
    masking: MaskingConfig = Field(default_factory=MaskingConfig, description="What is hidden.")
    training: TrainingConfig = Field(
        default_factory=lambda: TrainingConfig(steps=1000), description="Optimisation and checkpoints."
    )

    @model_validator(mode="after")
    def _masking_fits_model(self) -> Self:
        layers = self.model.layers * self.model.blocks
        if self.masking.layer > layers:
            raise ValueError(f"masking.layer is {self.masking.layer}, but the trunk has {layers} layers")
        if self.masking.mask_self and self.model.encoder != "self-attention":
            raise ValueError("masking.mask_self needs model.encoder self-attention: latents stand at no position")
        return self
