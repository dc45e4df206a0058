"""The settings of `sma finetune`: the split, the labels, and what its optimisation has of its own."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sma_core.config.models import DataConfig, ModelConfig, Settings, TrainingConfig

FOLDS = 5
"""Folds of a k-fold split, where none are asked for."""


class SplitConfig(Settings):
    """How labelled rows are divided into training, validation and test."""

    name: str | None = Field(
        None, description="A splitter by name (random, …), instead of a column; empty: the task's."
    )
    column: str | None = Field(
        None, description="Column that says train, valid or test, instead of a splitter; empty: the task's."
    )
    seed: int = Field(0, ge=0, description="Seed of the split, where it has one.")
    valid: float = Field(
        0.1,
        gt=0.0,
        lt=1.0,
        description="Share of rows for validation; of the training rows where a column or the task names none.",
    )
    test: float = Field(0.1, gt=0.0, lt=1.0, description="Share of rows for the test, for a splitter.")
    train_rows: int | None = Field(
        None,
        ge=1,
        description="Learn from this many training rows, drawn with the seed; empty: the task's, or all.",
    )
    folds: int | None = Field(None, ge=2, description="For k-fold: into how many folds; empty: 5.")
    fold: int | None = Field(
        None, ge=1, description="For k-fold: which fold is the test, from 1; empty: the first."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.name is not None and self.column is not None:
            raise ValueError("give split.name or split.column, not both")
        if self.fold is not None and self.fold > self.fold_count:
            raise ValueError(f"split.fold is {self.fold}, but there are {self.fold_count} folds (split.folds)")
        return self

    @property
    def fold_count(self) -> int:
        """The number of folds, where there are any."""
        return self.folds or FOLDS


class FinetuneTrainingConfig(TrainingConfig):
    """As TrainingConfig, with defaults for small labelled sets; evaluation is once an epoch."""

    epochs: float | None = Field(40.0, gt=0.0, description="Passes over the training split.")
    batch_size: int = Field(32, ge=1, description="Rows in one forward pass.")
    frozen_encoder: bool = Field(
        False, description="Let only the head learn; with the head mean this is a linear probe."
    )
    layer_decay: float = Field(
        1.0,
        gt=0.0,
        le=1.0,
        description="Learning rate of each layer, as a share of the layer's above it; 1: all alike.",
    )
    patience: int | None = Field(
        None,
        ge=0,
        description="Stop after this many evaluations without a better validation figure; 0 or empty: never.",
    )
    keep_last: int = Field(1, ge=1, description="Checkpoints kept besides the best.")


class FinetuneConfig(Settings):
    """Everything `sma finetune` needs."""

    domain: str = Field(description="The plugin that knows the data.")
    recipe: str | None = Field(None, description="The recipe these settings began from.")
    pretrained: str | None = Field(None, description="Run folder to start from; empty: random weights.")
    task: str | None = Field(None, description="A task by name; empty: the domain's default.")
    data: DataConfig = Field(default_factory=DataConfig, description="Rows; a file of your own goes in source.")
    targets: tuple[str, ...] | None = Field(None, description="Target columns of your own file.")
    position_mask: str | None = Field(
        None, description="Column of 0 and 1 for every character: which labels of positions count."
    )
    kind: Literal["regression", "binary", "multilabel", "multiclass", "per-position"] | None = Field(
        None, description="What the targets are; empty: the task says, or it is guessed and said."
    )
    head: str | None = Field(
        None, description="Head by name (decoder, mean, …); empty: the domain's, or position for every position."
    )
    metric: str | None = Field(
        None,
        description="Metric on validation that selects the checkpoint; empty: the task's, or the kind's first.",
    )
    class_weights: Literal["balanced"] | None = Field(
        None,
        description="balanced: the rarer a class in training, the more it counts; empty: all rows alike.",
    )
    split: SplitConfig = Field(default_factory=SplitConfig, description="Training, validation and test.")
    model: ModelConfig = Field(
        default_factory=ModelConfig, description="The network; with a pre-trained run only dropout may differ."
    )
    training: FinetuneTrainingConfig = Field(
        default_factory=FinetuneTrainingConfig, description="Optimisation and checkpoints."
    )
