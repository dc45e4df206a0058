"""Options of commands that train on labels or score predictions. Public API for authors of commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sma_core.cli.options import Kind

Pretrained = Annotated[
    Path | None,
    typer.Option(
        "--model",
        help="A pre-trained run to start from, or a model's name (sma models list). Default: random weights.",
    ),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="COLUMNS",
        help="Label columns of your own file, comma-separated, in double quotes if a name has a comma; can be "
        "repeated.",
    ),
]
TargetAllOthers = Annotated[
    bool,
    typer.Option("--target-all-others", help="Take all columns of your own file besides the inputs as labels."),
]
LabelKind = Annotated[
    Kind | None,
    typer.Option("--kind", help="Kind of the labels. Default: the task's, else guessed from the labels."),
]
CensoredLabels = Annotated[
    bool | None,
    typer.Option(
        "--censored-labels",
        help="Read labels of a regression such as <5.2 and >10 as limits: no loss on the permitted side, and no "
        "metrics.",
    ),
]
Positive = Annotated[
    str | None,
    typer.Option(
        "--positive", metavar="NAME", help="Positive class of binary labels with names, such as s of s and b."
    ),
]
Group = Annotated[
    bool | None,
    typer.Option(
        "--group", help="Keep equal rows, such as spellings of one molecule, in the same part of the split."
    ),
]
Weight = Annotated[
    str | None,
    typer.Option(
        "--weight", metavar="COLUMN", help="Weights of rows, in loss, metrics and baselines; may be negative."
    ),
]
Metric = Annotated[
    str | None,
    typer.Option("--metric", help="Metric that selects the checkpoint. Default: the task's, or one for the kind."),
]
Head = Annotated[str | None, typer.Option("--head", help="Name of the head: decoder, mean, position, …")]
Loss = Annotated[
    Literal["squared-error", "absolute-error", "huber"] | None,
    typer.Option(
        "--loss",
        help="Loss of a regression: squared-error (default), absolute-error or huber, on which outliers have less "
        "influence.",
    ),
]
ClassWeights = Annotated[
    str | None,
    typer.Option(
        "--class-weights",
        metavar="WEIGHTS",
        help="Weights of classes in the loss: none (default), balanced (inversely to their frequency), or numbers "
        "such as active=5,inactive=1; with several targets TARGET=NUMBER, the weight of its label 1.",
    ),
]
Split = Annotated[
    str | None,
    typer.Option("--split", help="Name of the splitter: random, stratified, k-fold, … Default: the task's."),
]
SplitSeed = Annotated[int | None, typer.Option("--split-seed", help="Seed of the split.")]
Folds = Annotated[int | None, typer.Option("--folds", help="Number of folds of --split k-fold. Default: 5.")]
Fold = Annotated[int | None, typer.Option("--fold", help="Test fold of --split k-fold, counted from 1.")]
Frozen = Annotated[
    bool | None,
    typer.Option("--frozen", help="Train only the head; with --head mean this is a linear probe."),
]
LoraRank = Annotated[
    int | None,
    typer.Option(
        "--lora-rank",
        metavar="N",
        help="Train only the head, and low-rank adapters (LoRA) of rank N on the encoder's linear projections.",
    ),
]
UnfreezeLayers = Annotated[
    int | None,
    typer.Option(
        "--unfreeze-layers",
        metavar="N",
        help="Gradual unfreezing: train the head alone in the first epoch, then N more layers with each epoch, "
        "from the last.",
    ),
]
LayerDecay = Annotated[
    float | None,
    typer.Option("--layer-decay", help="Learning rate of each layer relative to the layer above it."),
]
Patience = Annotated[
    int | None,
    typer.Option("--patience", help="Stop after this many epochs without a better validation metric."),
]
NoBaselines = Annotated[
    bool, typer.Option("--no-baselines", help="Leave out the baselines of the domain, scored on the same split.")
]
PositionMask = Annotated[
    str | None,
    typer.Option("--position-mask", help="Column of 0 and 1 that selects the labelled positions to use."),
]
