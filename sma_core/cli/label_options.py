"""Options of commands that learn labels or score predictions by them. Public API for authors of commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sma_core.cli.options import Kind

Pretrained = Annotated[Path | None, typer.Option("--model", help="A pre-trained run; empty: random weights.")]
Target = Annotated[str | None, typer.Option("--target", help="Label columns of your own file, with commas.")]
LabelKind = Annotated[
    Kind | None, typer.Option("--kind", help="What the labels are; empty: the task's, else guessed and said.")
]
Head = Annotated[str | None, typer.Option("--head", help="Head by name: decoder, mean, position, …")]
ClassWeights = Annotated[
    Literal["balanced", "none"] | None,
    typer.Option("--class-weights", help="balanced: the rarer a class in training, the more it counts."),
]
Split = Annotated[
    str | None,
    typer.Option("--split", help="Splitter by name: random, stratified, k-fold, …; empty: the task's."),
]
SplitSeed = Annotated[int | None, typer.Option("--split-seed", help="Seed of the split.")]
Folds = Annotated[int | None, typer.Option("--folds", help="With --split k-fold: how many; empty: 5.")]
Fold = Annotated[int | None, typer.Option("--fold", help="With --split k-fold: which fold is the test, from 1.")]
Frozen = Annotated[
    bool | None,
    typer.Option("--frozen", help="Let only the head learn; with --head mean this is a linear probe."),
]
LayerDecay = Annotated[
    float | None,
    typer.Option("--layer-decay", help="Learning rate of each layer, as a share of the layer's above it."),
]
Patience = Annotated[
    int | None,
    typer.Option("--patience", help="Stop after so many epochs without a better validation figure."),
]
PositionMask = Annotated[
    str | None,
    typer.Option("--position-mask", help="Column of 0 and 1: which labels of positions count."),
]
