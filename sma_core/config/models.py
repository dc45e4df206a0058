"""All settings of pre-training, with defaults, limits and descriptions.

``sma config show`` prints the descriptions. All models are frozen and reject unknown fields;
`sma_core.config.layers` reads them from files and options.
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
    """Base class of settings: frozen, rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _none_is_empty(cls, values: Any) -> Any:  # noqa: ANN401 - pydantic passes the input unchanged
        """Convert the text ``none`` to None in optional settings: TOML has no null."""
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
"""Name of a part of the method, from the core or a plugin."""
Options = dict[str, bool | int | float | str]
"""Options of a part of the method."""

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
        False, description="Use the encoder's position embeddings as decoder queries instead of separate ones."
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
        False,
        description="Weight hidden tokens inversely to their frequency among the hidden tokens of the batch.",
    )
    target_mean: Numbers | None = Field(
        None, description="Mean subtracted from continuous targets: a number per channel, or a list per position."
    )
    target_spread: Numbers | None = Field(
        None, description="Divisor of continuous targets: a number per channel, or a list per position."
    )
    target_clip: float | None = Field(
        None, gt=0.0, description="Largest absolute value of a standardised continuous target; empty: no limit."
    )

    @property
    def query_key(self) -> int:
        """Width of queries and keys, with the default resolved."""
        return self.query_key_width or self.width

    @property
    def output_width(self) -> int:
        """Input width of the output map: that of the last extra linear map, else the decoder's."""
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
        description="Learned latents attend to the inputs, or the inputs attend to each other.",
    )
    max_length: int = Field(512, ge=1, description="Largest number of inputs in a row (position table).")
    embedding_width: int = Field(256, ge=1, description="Width E of the embedded inputs.")
    position_embeddings: bool = Field(
        True, description="Add learned position embeddings; only continuous inputs may omit them."
    )
    latents: int = Field(128, ge=1, description="Number M of learned latents; unused by self-attention.")
    latent_width: int = Field(384, ge=1, description="Width D of the latents.")
    layers: int = Field(6, ge=0, description="Self-attention layers in a block of the trunk.")
    blocks: int = Field(1, ge=1, description="Number of passes through the same block of layers.")
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
        0.0, ge=0.0, lt=1.0, description="Probability that a row skips the attention or the MLP of a trunk layer."
    )
    initializer_range: float = Field(0.02, gt=0.0, description="Standard deviation of initial weights.")
    position_initializer_range: float | None = Field(
        None, gt=0.0, description="Standard deviation of initial position embeddings; empty: initializer_range."
    )
    decoder: DecoderConfig = Field(default_factory=DecoderConfig, description="The reconstruction decoder.")

    @property
    def cross_query_key(self) -> int:
        """Width of queries and keys in the first attention, with the default resolved."""
        return self.cross_query_key_width or self.latent_width

    @property
    def query_key(self) -> int:
        """Width of queries and keys in the trunk, with the default resolved."""
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
        description="guided: positions that the model's own attention groups together; sampled: positions drawn "
        "by that attention; contextual: drawn by how much it exceeds their symbol's mean; random: random "
        "positions; none: nothing; or a plugin's.",
    )
    options: Options = Field(
        default_factory=dict, description="Options of the strategy, such as temperature of sampled."
    )
    ratio: float = Field(0.3, gt=0.0, lt=1.0, description="Fraction of the real positions that is hidden.")
    keys_per_query: float = Field(
        8.0, gt=0.0, description="Inputs k per drawn query: length * ratio / k queries are drawn."
    )
    head_aggregation: Literal["mean", "random_mix"] = Field(
        "mean", description="Average over heads, or one random head per query."
    )
    guide: Literal["model", "average"] = Field(
        "model",
        description="Whose attention guides: the model's, or that of its average (training.average_decay).",
    )
    mask_self: bool = Field(False, description="Self-attention: hide the positions of the drawn queries first.")
    varying_length: bool = Field(
        True,
        description="Count hidden positions by the length of each row; off: by the padded length.",
    )
    layer: int = Field(
        0, ge=0, description="Layer whose attention guides: 0 is the first attention, i the i-th trunk layer."
    )
    reconstruct: Literal["hidden", "all"] = Field(
        "hidden", description="Positions in the loss: the hidden ones, or all real ones."
    )
    anneal: Literal["mix", "candidates"] | None = Field(
        None,
        description="Transition from random to guided: add random positions, or draw from a larger top set.",
    )
    anneal_start: float = Field(
        1.0,
        gt=0.0,
        le=1.0,
        description="At the first step: random fraction of the hidden positions (mix), or fraction of all "
        "positions that are candidates (candidates).",
    )
    anneal_over: float = Field(
        0.25, gt=0.0, le=1.0, description="Fraction of training over which anneal_start becomes anneal_end."
    )
    anneal_end: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="From then on: as anneal_start; empty: guided alone. 0.5 with mix keeps half of the hidden "
        "positions random.",
    )

    @property
    def last_fraction(self) -> float:
        """``anneal_end``, with the default resolved: no random positions, or no candidates but the hidden ones."""
        if self.anneal_end is None:
            return self.ratio if self.anneal == "candidates" else 0.0
        return self.anneal_end

    @model_validator(mode="after")
    def _candidates_suffice(self) -> Self:
        for name, fraction in (("anneal_start", self.anneal_start), ("anneal_end", self.last_fraction)):
            if self.anneal == "candidates" and fraction < self.ratio:
                raise ValueError(
                    f"masking.{name} is the fraction of candidates and cannot be less than masking.ratio "
                    f"({fraction:g} is less than {self.ratio:g})"
                )
        return self


class DataConfig(Settings):
    """Where rows come from and how they become batches."""

    source: str | None = Field(
        None, description="A data set's name, a file or URL, or several; empty: the domain's default set."
    )
    weights: tuple[Annotated[float, Field(gt=0.0)], ...] | None = Field(
        None, description="Pre-training: weights of the comma-separated data sets of data.source."
    )
    reader: str | None = Field(None, description="Name of the reader; empty: chosen by file suffix.")
    column: str | None = Field(None, description="Column of the input; empty: a column with a usual name.")
    columns: tuple[str, ...] | None = Field(
        None,
        description="Feature columns of numeric rows, in order; empty: the data set's, or all but the labels.",
    )
    tokenizer: str | None = Field(None, description="Name of the tokenizer; empty: the domain's.")
    truncate: bool = Field(True, description="Truncate rows longer than model.max_length; off: reject them.")
    check_rows: bool = Field(True, description="Check each row with the domain's check function.")
    max_rejected: float = Field(
        0.05, ge=0.0, le=1.0, description="Largest fraction of unusable rows; more is an error."
    )
    held_out: float = Field(0.02, gt=0.0, lt=1.0, description="Fraction of rows kept for the held-out loss.")
    packing: Literal["single", "concat", "successors"] = Field(
        "single",
        description="Inputs of pre-training. single: one row; concat: several rows up to model.max_length, each "
        "row once; successors: each row and the rows after it up to model.max_length, as many inputs as rows.",
    )
    keep_remote: bool = Field(
        True, description="Keep copies of remote files; off: remove each copy after its rows are read."
    )
    processes: int | None = Field(
        None, ge=1, description="Number of processes that check rows or prepare files; empty: one per core."
    )
    shard_rows: int = Field(2_000_000, ge=1, description="Largest number of rows in one file of a store.")

    @field_serializer("source")
    def _without_secrets(self, source: str | None) -> str | None:
        """Remove passwords and signatures from URLs in settings that are written or shown."""
        return None if source is None else without_secrets(source)


class TrainingConfig(Settings):
    """Optimiser, schedule, evaluation and checkpoints."""

    steps: int | None = Field(None, ge=1, description="Number of optimiser steps; empty: use training.epochs.")
    epochs: float | None = Field(None, gt=0.0, description="Number of passes over the data, if steps is empty.")
    batch_size: int = Field(64, ge=1, description="Rows in one forward pass, summed over ranks.")
    accumulate: int = Field(1, ge=1, description="Forward passes per optimiser step.")
    optimizer: MemberName = Field("adamw", description="Name of the optimiser: adamw, muon, or a plugin's.")
    optimizer_options: Options = Field(
        default_factory=dict, description="Options of the optimiser, such as momentum of muon."
    )
    learning_rate: float = Field(1e-4, gt=0.0, description="Highest learning rate.")
    weight_decay: float = Field(0.01, ge=0.0, description="Decoupled weight decay of matrices.")
    beta2: float = Field(0.999, gt=0.0, lt=1.0, description="Second moment decay of AdamW.")
    average_decay: float | None = Field(
        None,
        gt=0.0,
        lt=1.0,
        description="Decay per step of the weights' exponential moving average, which is evaluated and saved; "
        "empty: no average.",
    )
    warmup_steps: int = Field(100, ge=0, description="Steps of linear warm-up.")
    schedule: MemberName = Field(
        "cosine", description="Schedule after the warm-up: cosine, constant, stable-decay, or a plugin's."
    )
    clip_norm: float | None = Field(1.0, gt=0.0, description="Largest gradient norm; empty: no clipping.")
    precision: Precision = Field(
        "auto", description="Arithmetic: fp32, bf16, fp16; auto: bf16 where the hardware supports it, else fp32."
    )
    device: str = Field("auto", description="torch device; auto: CUDA if available, else the CPU.")
    workers: int = Field(0, ge=0, description="Number of processes that load batches; 0: the training process.")
    compile: bool = Field(False, description="Compile the model with torch.compile.")
    activation_checkpointing: bool = Field(
        False, description="Recompute the encoder's activations in the backward pass: less memory, longer steps."
    )
    strategy: DistributionStrategy = Field(
        "auto", description="Distribution over ranks: ddp (auto; a copy on each) or fsdp (a shard on each)."
    )
    time_limit: str | None = Field(
        None, description="Save and stop after this time, such as 3h55m; empty: no limit."
    )
    max_skipped_steps: int = Field(
        20, ge=1, description="Consecutive steps skipped for a non-finite gradient before training stops."
    )
    seed: int = Field(0, ge=0, description="Random seed of weights, data order, masks and dropout.")
    evaluate_every: int = Field(200, ge=1, description="Steps between evaluations of the held-out loss.")
    evaluate_rows: int = Field(2048, ge=1, description="Largest number of held-out rows per evaluation.")
    checkpoint_every: int = Field(500, ge=1, description="Steps between checkpoints.")
    keep_last: int = Field(2, ge=1, description="Number of newest checkpoints kept besides the best.")
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), description="Steps whose checkpoints are saved and kept, such as [100, 200, 400]."
    )
    log_every: int = Field(10, ge=1, description="Steps between lines of metrics.jsonl.")
    tensorboard: bool = Field(False, description="Also write all metrics for TensorBoard to the run folder.")

    def deadline(self, start: float) -> float | None:
        """Return the time at which a run that began at ``start`` must stop, in seconds; None without a limit."""
        return None if self.time_limit is None else start + seconds_of(self.time_limit)

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
    """All settings of `sma train`."""

    domain: str = Field(description="Name of the domain.")
    recipe: str | None = Field(None, description="Recipe that the settings started from.")
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
        if self.masking.guide == "average" and self.training.average_decay is None:
            raise ValueError("masking.guide average needs training.average_decay, for example 0.999")
        return self
