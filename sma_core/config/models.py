"""Every setting, with its default, its limits and a description.

The descriptions are what ``sma config show`` and the reference page print. All models are frozen and
refuse unknown fields. Reading them from files and options is the business of `sma_core.config.layers`.
"""

from __future__ import annotations

from types import NoneType
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Precision = Literal["auto", "fp32", "bf16", "fp16"]


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


class DecoderConfig(Settings):
    """The reconstruction decoder (method, step 6)."""

    width: int = Field(256, ge=1, description="Width of the decoder's position queries and values.")
    heads: int = Field(8, ge=1, description="Attention heads of the decoder.")
    query_key_width: int | None = Field(
        None, ge=1, description="Width of queries and keys, all heads together; empty: the decoder width."
    )
    shared_queries: bool = Field(
        False, description="Use the encoder's position embeddings as decoder queries instead of own ones."
    )
    shared_embedding: bool = Field(
        False, description="Use the transposed token embedding, plus a bias, as the output map."
    )

    @property
    def query_key(self) -> int:
        """Width of queries and keys after the default is filled in."""
        return self.query_key_width or self.width


class ModelConfig(Settings):
    """The encoder and its reconstruction decoder."""

    encoder: Literal["cross-attention"] = Field(
        "cross-attention", description="How inputs enter: learned latents attend to them."
    )
    max_length: int = Field(512, ge=1, description="Largest number of inputs in a row (position table).")
    embedding_width: int = Field(256, ge=1, description="Width E of the embedded inputs.")
    latents: int = Field(128, ge=1, description="Number M of learned latents.")
    latent_width: int = Field(384, ge=1, description="Width D of the latents.")
    layers: int = Field(6, ge=0, description="Self-attention layers in a block of the trunk.")
    blocks: int = Field(1, ge=1, description="How often the same block of layers is passed.")
    cross_heads: int = Field(8, ge=1, description="Heads of the first (cross-)attention.")
    heads: int = Field(8, ge=1, description="Heads of the trunk's self-attention.")
    cross_query_key_width: int | None = Field(
        None, ge=1, description="Width of queries and keys in the first attention; empty: the latent width."
    )
    query_key_width: int | None = Field(
        None, ge=1, description="Width of queries and keys in the trunk; empty: the latent width."
    )
    cross_widening: int = Field(1, ge=1, description="MLP widening after the first attention.")
    widening: int = Field(1, ge=1, description="MLP widening in the trunk.")
    bias: bool = Field(False, description="Biases in attention and MLP linear maps.")
    query_residual: bool = Field(True, description="Add the queries to the first attention's output.")
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Dropout after the embedding and each layer's MLP.")
    attention_dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Dropout on attention probabilities.")
    initializer_range: float = Field(0.02, gt=0.0, description="Standard deviation of initial weights.")
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
            "model.latent_width by model.cross_heads": (self.latent_width, self.cross_heads),
            "model.latent_width by model.heads": (self.latent_width, self.heads),
            "model.cross_query_key_width by model.cross_heads": (self.cross_query_key, self.cross_heads),
            "model.query_key_width by model.heads": (self.query_key, self.heads),
            "model.decoder.width by model.decoder.heads": (self.decoder.width, self.decoder.heads),
            "model.decoder.query_key_width by model.decoder.heads": (self.decoder.query_key, self.decoder.heads),
        }
        for what, (width, heads) in pairs.items():
            if width % heads:
                raise ValueError(f"cannot divide {what}: {width} is not a multiple of {heads}")
        if (self.decoder.shared_queries or self.decoder.shared_embedding) and (
            self.decoder.width != self.embedding_width
        ):
            raise ValueError(
                f"a decoder that shares queries or embedding needs model.decoder.width equal to "
                f"model.embedding_width ({self.decoder.width} is not {self.embedding_width})"
            )
        return self


class MaskingConfig(Settings):
    """What is hidden while pre-training (method, step 3)."""

    strategy: Literal["guided", "random"] = Field(
        "guided", description="Hide what the model's first attention groups together, or random positions."
    )
    ratio: float = Field(0.3, gt=0.0, lt=1.0, description="Share r of the real positions that is hidden.")
    keys_per_query: float = Field(
        8.0, gt=0.0, description="How many inputs one drawn latent query stands for: N * r / k are drawn."
    )


class DataConfig(Settings):
    """Where rows come from and how they become batches."""

    source: str | None = Field(None, description="A set's name or a file; empty: the domain's default set.")
    reader: str | None = Field(None, description="Reader by name; empty: chosen by the file's suffix.")
    column: str | None = Field(None, description="Column that holds the input; empty: a usual name is found.")
    tokenizer: str | None = Field(None, description="Tokenizer by name; empty: the domain's own.")
    truncate: bool = Field(True, description="Cut rows longer than model.max_length; off: set them aside.")
    check_rows: bool = Field(True, description="Let the domain check each row.")
    max_rejected: float = Field(0.05, ge=0.0, le=1.0, description="Stop when a larger share of rows is unusable.")
    held_out: float = Field(0.02, gt=0.0, lt=1.0, description="Share of rows kept apart for the held-out loss.")
    packing: Literal["single", "concat"] = Field(
        "single", description="One row of the file per input, or several joined up to model.max_length."
    )
    processes: int | None = Field(None, ge=1, description="Processes that check rows; empty: one per core.")


class TrainingConfig(Settings):
    """The optimiser, its schedule, and what is kept."""

    steps: int | None = Field(None, ge=1, description="Optimiser steps; empty: training.epochs decides.")
    epochs: float | None = Field(None, gt=0.0, description="Passes over the data, when steps is empty.")
    batch_size: int = Field(64, ge=1, description="Rows in one forward pass.")
    accumulate: int = Field(1, ge=1, description="Forward passes whose gradients make one step.")
    learning_rate: float = Field(1e-4, gt=0.0, description="Highest learning rate of AdamW.")
    weight_decay: float = Field(0.01, ge=0.0, description="Decoupled weight decay of AdamW.")
    beta2: float = Field(0.999, gt=0.0, lt=1.0, description="Second moment decay of AdamW.")
    warmup_steps: int = Field(100, ge=0, description="Steps of linear warm-up.")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="Learning rate after the warm-up.")
    clip_norm: float | None = Field(1.0, gt=0.0, description="Largest gradient norm; empty: no clipping.")
    precision: Precision = Field("auto", description="Arithmetic: fp32, bf16, fp16, or what suits the device.")
    device: str = Field("auto", description="torch device; auto: CUDA when there is one, else the CPU.")
    compile: bool = Field(False, description="Compile the model with torch.compile.")
    seed: int = Field(0, ge=0, description="Seed of weights, data order, masks and dropout.")
    evaluate_every: int = Field(200, ge=1, description="Steps between two held-out losses.")
    evaluate_rows: int = Field(2048, ge=1, description="At most this many held-out rows are used each time.")
    checkpoint_every: int = Field(500, ge=1, description="Steps between two checkpoints.")
    keep_last: int = Field(2, ge=1, description="Checkpoints kept besides the best.")
    log_every: int = Field(10, ge=1, description="Steps between two lines of metrics.jsonl.")

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


class SplitConfig(Settings):
    """How labelled rows are divided into training, validation and test."""

    name: str | None = Field(None, description="A splitter by name (random, …); empty: the task's.")
    seed: int = Field(0, ge=0, description="Seed of the split, where it has one.")
    valid: float = Field(0.1, gt=0.0, lt=1.0, description="Share of rows for validation.")
    test: float = Field(0.1, gt=0.0, lt=1.0, description="Share of rows for the test.")


class FinetuneTrainingConfig(TrainingConfig):
    """As TrainingConfig, with defaults for small labelled sets; evaluation is once an epoch."""

    epochs: float | None = Field(40.0, gt=0.0, description="Passes over the training split.")
    batch_size: int = Field(32, ge=1, description="Rows in one forward pass.")
    keep_last: int = Field(1, ge=1, description="Checkpoints kept besides the best.")


class FinetuneConfig(Settings):
    """Everything `sma finetune` needs."""

    domain: str = Field(description="The plugin that knows the data.")
    recipe: str | None = Field(None, description="The recipe these settings began from.")
    pretrained: str | None = Field(None, description="Run folder to start from; empty: random weights.")
    task: str | None = Field(None, description="A task by name; empty: the domain's default.")
    data: DataConfig = Field(default_factory=DataConfig, description="Rows; a file of your own goes in source.")
    targets: tuple[str, ...] | None = Field(None, description="Target columns of your own file.")
    kind: Literal["regression", "binary", "multilabel"] | None = Field(
        None, description="What the targets are; empty: the task says, or it is guessed and said."
    )
    head: str | None = Field(None, description="Head by name (decoder, mean); empty: the domain's default.")
    split: SplitConfig = Field(default_factory=SplitConfig, description="Training, validation and test.")
    model: ModelConfig = Field(
        default_factory=ModelConfig, description="The network; with a pre-trained run only dropout may differ."
    )
    training: FinetuneTrainingConfig = Field(
        default_factory=FinetuneTrainingConfig, description="Optimisation and checkpoints."
    )
