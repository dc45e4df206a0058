"""All settings of fine-tuning: labels, split, head and optimisation."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from sma_core.config.class_weights import BALANCED, class_weights_of
from sma_core.config.data import DataConfig
from sma_core.config.models import ModelConfig
from sma_core.config.settings import MemberName, Names, Options, Settings, Size
from sma_core.config.training import TrainingConfig

FOLDS = 5
"""Default number of folds of a k-fold split."""


class SplitConfig(Settings):
    """Split of labelled rows into training, validation and test."""

    name: str | None = Field(
        None, description="Name of a splitter (random, …), instead of a column; empty: the task's."
    )
    column: str | None = Field(
        None, description="Column with the values train, valid and test, instead of a splitter; empty: the task's."
    )
    seed: int = Field(0, ge=0, description="Random seed of the split.")
    valid: float = Field(
        0.1,
        gt=0.0,
        lt=1.0,
        description="Fraction of rows for validation; of the training rows if a column or task has no validation.",
    )
    test: float = Field(
        0.1,
        ge=0.0,
        lt=1.0,
        description="Fraction of rows for the test, if a splitter divides the rows; 0: no test.",
    )
    group: bool = Field(
        False, description="Keep rows that are equal in the domain, such as spellings of a molecule, in one part."
    )
    train_rows: int | None = Field(
        None,
        ge=1,
        description="Number of training rows to use, drawn by the seed; empty: the task's, or all.",
    )
    protocol: Literal["validation", "authors"] = Field(
        "validation",
        description="validation: select the checkpoint on validation rows; authors: the authors' protocol, where "
        "validation rows join training and the last epoch is reported.",
    )
    folds: int | None = Field(None, ge=2, description="k-fold: number of folds; empty: 5.")
    fold: int | None = Field(None, ge=1, description="k-fold: fold that is the test, from 1; empty: the first.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.name is not None and self.column is not None:
            raise ValueError("give split.name or split.column, not both")
        if self.fold is not None and self.fold > self.fold_count:
            raise ValueError(f"split.fold is {self.fold}, but there are {self.fold_count} folds (split.folds)")
        return self

    @property
    def fold_count(self) -> int:
        """Number of folds, with the default resolved."""
        return self.folds or FOLDS


class FinetuneTrainingConfig(TrainingConfig):
    """`TrainingConfig` with defaults for small labelled sets; evaluation is once per epoch."""

    epochs: float | None = Field(40.0, gt=0.0, description="Number of passes over the training rows.")
    batch_size: Size = Field(32, description="Rows in one forward pass.")
    frozen_encoder: bool = Field(
        False, description="Train only the head; with the head mean this is a linear probe."
    )
    lora_rank: Size | None = Field(
        None,
        description="Rank of low-rank adapters (LoRA) on the linear projections of the encoder: only they and the "
        "head train; empty: no adapters.",
    )
    lora_alpha: float | None = Field(
        None,
        gt=0.0,
        description="Scale of adapters: their update is multiplied by lora_alpha / lora_rank; empty: the rank.",
    )
    unfreeze_layers: Size | None = Field(
        None,
        description="Gradual unfreezing: the head trains alone in the first epoch, and with each epoch so many "
        "more layers of the encoder, from the last; empty: all train from the start.",
    )
    probe_fallback: bool = Field(
        False,
        description="Fit a linear probe of the frozen encoder before the first step, and keep it if no epoch is "
        "better on validation; for labels of rows.",
    )
    layer_decay: float = Field(
        1.0,
        gt=0.0,
        le=1.0,
        description="Learning rate of each layer, relative to the layer above it; 1: all equal.",
    )
    augmentation: MemberName | None = Field(
        None, description="Name of a random change of training rows that a plugin provides; empty: none."
    )
    augmentation_options: Options = Field(default_factory=dict, description="Options of the augmentation.")
    patience: int | None = Field(
        None,
        ge=0,
        description="Stop after this many evaluations without a better validation metric; 0 or empty: never.",
    )
    keep_last: int = Field(1, ge=1, description="Number of newest checkpoints kept besides the best.")

    @model_validator(mode="after")
    def _one_way_to_freeze(self) -> Self:
        ways = [name for name in ("frozen_encoder", "lora_rank", "unfreeze_layers") if getattr(self, name)]
        if len(ways) > 1:
            raise ValueError(f"training.{ways[0]} and training.{ways[1]} exclude each other: omit one of them")
        if self.lora_alpha is not None and self.lora_rank is None:
            raise ValueError("training.lora_alpha needs training.lora_rank, the rank of the adapters")
        return self


class FinetuneConfig(Settings):
    """All settings of `sma finetune`."""

    domain: str = Field(description="Name of the domain.")
    recipe: str | None = Field(None, description="Recipe that the settings started from.")
    pretrained: str | None = Field(None, description="Run folder to start from; empty: random weights.")
    task: str | None = Field(None, description="Name of a task; empty: the domain's default.")
    data: DataConfig = Field(default_factory=DataConfig, description="Rows; a file of your own goes in source.")
    targets: Names | None = Field(
        None, description="Target columns of your own file; *: all columns besides the inputs."
    )
    position_mask: str | None = Field(
        None, description="Column with 0 or 1 per character, which selects the labelled positions to use."
    )
    kind: Literal["regression", "binary", "multilabel", "multiclass", "per-position"] | None = Field(
        None, description="Kind of labels; empty: the task's, or guessed from the data."
    )
    censored_labels: bool = Field(
        False,
        description="Read labels of a regression such as <5.2 and >10 as limits, with a loss on one side only.",
    )
    positive: str | None = Field(
        None, description="Positive class of binary labels that are two names; empty: chosen, and said."
    )
    weight: str | None = Field(
        None,
        description="Column of weights of rows, in loss, metrics and baselines; negative too; empty: equal.",
    )
    head: str | None = Field(
        None,
        description="Name of the head (decoder, mean, …); empty: the domain's, or position.",
    )
    metric: str | None = Field(
        None,
        description="Metric on validation that selects the checkpoint; empty: the task's, or the kind's first.",
    )
    loss: Literal["squared-error", "absolute-error", "huber"] | None = Field(
        None, description="Loss of a regression's standardised labels; empty: squared-error."
    )
    huber_delta: float = Field(
        1.0,
        gt=0.0,
        description="Error up to which the loss huber is a square, in standard deviations of the training labels.",
    )
    class_weights: str | None = Field(
        None,
        description="Weights of classes in the loss. balanced: inversely to their frequency; or numbers, "
        "such as active=5,inactive=1 (several targets: of their label 1); empty: equal weights.",
    )
    baselines: bool = Field(True, description="Also score the baselines of the domain on the same split.")
    score_test: bool = Field(True, description="Score the test rows at the end; off for trials of a search.")
    split: SplitConfig = Field(default_factory=SplitConfig, description="Training, validation and test.")
    model: ModelConfig = Field(
        default_factory=ModelConfig, description="The network; with a pre-trained run only dropout may differ."
    )
    training: FinetuneTrainingConfig = Field(
        default_factory=FinetuneTrainingConfig, description="Optimisation and checkpoints."
    )

    @model_validator(mode="after")
    def _no_probe_of_weighted_rows(self) -> Self:
        if self.weight is not None and self.training.probe_fallback:
            raise ValueError(
                "training.probe_fallback does not use weights of rows: set it to false, or leave weight out"
            )
        return self

    @field_validator("class_weights")
    @classmethod
    def _numbers_by_name(cls, value: str | None) -> str | None:
        if value not in (None, BALANCED):
            class_weights_of(value)
        return value

    @model_validator(mode="after")
    def _limits_are_of_a_regression(self) -> Self:
        if self.censored_labels and (self.kind not in (None, "regression") or self.positive is not None):
            raise ValueError("censored_labels are those of a regression: leave out kind and positive")
        return self

    @model_validator(mode="after")
    def _adapters_need_a_model(self) -> Self:
        if self.training.lora_rank is not None and self.pretrained is None:
            raise ValueError("training.lora_rank adapts a pre-trained model: name one with `model`")
        return self

    @model_validator(mode="after")
    def _delta_has_its_loss(self) -> Self:
        if self.loss != "huber" and self.huber_delta != type(self).model_fields["huber_delta"].default:
            raise ValueError("huber_delta is the parameter of loss=huber: set that too, or leave huber_delta out")
        return self

    @model_validator(mode="after")
    def _options_have_an_augmentation(self) -> Self:
        if self.training.augmentation_options and self.training.augmentation is None:
            raise ValueError("training.augmentation_options need training.augmentation, the name of one")
        return self

    @model_validator(mode="after")
    def _patience_has_validation(self) -> Self:
        if self.split.protocol == "authors" and self.training.patience:
            raise ValueError(
                "training.patience needs validation rows, which split.protocol=authors has not: omit one of them"
            )
        return self
