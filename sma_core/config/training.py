"""Settings of training: optimiser, schedule, evaluation and checkpoints."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sma_core.config.durations import seconds_of
from sma_core.config.settings import MemberName, Options, Settings, Size

Precision = Literal["auto", "fp32", "bf16", "fp16"]
DistributionStrategy = Literal["auto", "single", "ddp", "fsdp"]


class TrainingConfig(Settings):
    """Optimiser, schedule, evaluation and checkpoints."""

    steps: int | None = Field(None, ge=1, description="Number of optimiser steps; empty: use training.epochs.")
    epochs: float | None = Field(None, gt=0.0, description="Number of passes over the data, if steps is empty.")
    batch_size: Size = Field(64, description="Rows in one forward pass, summed over ranks.")
    accumulate: Size = Field(1, description="Forward passes per optimiser step.")
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
    workers: int = Field(
        0, ge=0, le=1024, description="Number of processes that load batches; 0: the training process."
    )
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
