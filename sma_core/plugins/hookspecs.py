"""The hooks of the plugin contract (pluggy project ``sma``): each returns a list of frozen specs, or observes."""

from __future__ import annotations

import pluggy

from sma_core.plugins.events import Event
from sma_core.plugins.method_specs import (
    Augmentation,
    Baseline,
    EncoderType,
    Loss,
    MaskingStrategy,
    Metric,
    Optimizer,
    PositionEmbedding,
    Schedule,
)
from sma_core.plugins.specs import (
    DataSet,
    Domain,
    Head,
    PredictionColumns,
    Reader,
    Renderer,
    ShippedModel,
    ShippedRecipe,
    ShippedSuite,
    Splitter,
    TableFormat,
    Task,
    Tokenizer,
)

PROJECT = "sma"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def sma_domains() -> list[Domain]:
    """Domains this plugin provides: normally one, named as its entry point."""
    return []


@hookspec
def sma_tokenizers() -> list[Tokenizer]:
    """Ways to turn a row's text into ids."""
    return []


@hookspec
def sma_readers() -> list[Reader]:
    """File formats this plugin can read."""
    return []


@hookspec
def sma_datasets() -> list[DataSet]:
    """Sets of rows that can be named instead of a file."""
    return []


@hookspec
def sma_heads() -> list[Head]:
    """Modules that turn latents into predictions."""
    return []


@hookspec
def sma_tasks() -> list[Task]:
    """Labelled problems with their split and metric."""
    return []


@hookspec
def sma_splitters() -> list[Splitter]:
    """Ways to divide labelled rows into training, validation and test."""
    return []


@hookspec
def sma_renderers() -> list[Renderer]:
    """Ways to draw a row, and what a mask hides of it."""
    return []


@hookspec
def sma_masking_strategies() -> list[MaskingStrategy]:
    """Ways to choose what is hidden while pre-training."""
    return []


@hookspec
def sma_losses() -> list[Loss]:
    """Losses of the reconstruction."""
    return []


@hookspec
def sma_position_embeddings() -> list[PositionEmbedding]:
    """Vectors that tell the network where in a row an input is."""
    return []


@hookspec
def sma_encoders() -> list[EncoderType]:
    """Networks from embedded inputs to latents."""
    return []


@hookspec
def sma_augmentations() -> list[Augmentation]:
    """Random changes of training rows while fine-tuning."""
    return []


@hookspec
def sma_optimizers() -> list[Optimizer]:
    """Optimisers to train with."""
    return []


@hookspec
def sma_schedules() -> list[Schedule]:
    """Learning rates after the warm-up, as functions of the step."""
    return []


@hookspec
def sma_metrics() -> list[Metric]:
    """Metrics of labelled rows; `sma_core.plugins.metrics` makes them from functions."""
    return []


@hookspec
def sma_models() -> list[ShippedModel]:
    """Pre-trained models that ship with this plugin."""
    return []


@hookspec
def sma_recipes() -> list[ShippedRecipe]:
    """Recipes that this plugin adds, beside those in the package that its domain names."""
    return []


@hookspec
def sma_suites() -> list[ShippedSuite]:
    """Suites for `sma benchmark` that this plugin adds, beside those in the package that its domain names."""
    return []


@hookspec
def sma_table_formats() -> list[TableFormat]:
    """Formats in which `sma predict` writes its table."""
    return []


@hookspec
def sma_prediction_columns() -> list[PredictionColumns]:
    """Columns that `sma predict` adds to predictions on request, such as intervals."""
    return []


@hookspec
def sma_baselines() -> list[Baseline]:
    """Other models, scored beside every fine-tuning on the same split."""
    return []


@hookspec
def sma_on_event(event: Event) -> None:
    """Look at what happens during a run (`sma_core.plugins.events`): started, step, evaluation, checkpoint, end.

    The only hook that returns nothing. It is called between steps: keep it quick, and import what is heavy inside.
    """
