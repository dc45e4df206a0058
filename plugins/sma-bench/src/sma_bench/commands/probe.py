"""``sma probe``: score a simple model on the features of a frozen encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sma_core.cli.label_options import (
    Fold,
    Folds,
    Group,
    LabelKind,
    PositionMask,
    Positive,
    Split,
    SplitSeed,
    Target,
    TargetAllOthers,
)
from sma_core.cli.options import (
    Assignments,
    Column,
    Columns,
    ConfigFile,
    Data,
    Debug,
    Delimiter,
    Device,
    Domain,
    Exclude,
    Force,
    Json,
    Layer,
    MaxRejected,
    Recipe,
    Seed,
    SplitColumn,
    Task,
    names_from,
    settings_from,
)
from sma_core.cli.output import echo, metric_text, warning_lines
from sma_core.cli.program.option_names import SETTINGS, in_options
from sma_core.cli.run_domain import reads_run

if TYPE_CHECKING:
    from sma_bench.probe import ProbeResult

ProbeKind = Annotated[
    Literal["linear", "knn"],
    typer.Option("--probe", help="linear: ridge or logistic regression; knn: nearest neighbours."),
]


@reads_run
def probe(
    context: typer.Context,
    domain: Domain = None,
    model: Annotated[Path | None, typer.Option("--model", help="A pre-trained run, or a model's name.")] = None,
    random_weights: Annotated[
        bool,
        typer.Option(
            "--random-weights", help="Use a randomly initialised encoder with the run's or recipe's settings."
        ),
    ] = False,
    task: Task = None,
    data: Data = None,
    column: Column = None,
    columns: Columns = None,
    target: Target = None,
    target_all_others: TargetAllOthers = False,
    exclude: Exclude = None,
    delimiter: Delimiter = None,
    kind: LabelKind = None,
    positive: Positive = None,
    position_mask: PositionMask = None,
    probe: ProbeKind = "linear",
    layer: Layer = None,
    step: Annotated[
        int | None, typer.Option("--step", help="Step of the run's checkpoint to use. Default: the newest.")
    ] = None,
    split: Split = None,
    split_column: SplitColumn = None,
    split_seed: SplitSeed = None,
    group: Group = None,
    folds: Folds = None,
    fold: Fold = None,
    recipe: Recipe = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    seed: Seed = None,
    max_rejected: MaxRejected = None,
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", min=0, help="Number of bootstrap resamples; 0: no intervals.")
    ] = 1000,
    out: Annotated[
        Path | None, typer.Option("--out", help="JSON file to write the result to, besides printing it.")
    ] = None,
    device: Device = "auto",
    force: Force = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Fit a linear or nearest-neighbour model on the features of a frozen encoder and report test metrics."""
    from sma_bench.probe import probe as run_probe
    from sma_core.cli.output import as_json_text, progress

    options = {setting: context.params.get(name) for name, setting in SETTINGS.items()} | {
        "data.source": None,
        "targets": "*" if target_all_others else names_from(target),
        "data.columns": names_from(columns),
        "data.exclude": names_from(exclude),
    }
    result = run_probe(
        domain,
        model=model,
        random_weights=random_weights,
        task=task,
        data=data,
        probe=probe,
        layer=layer,
        step=step,
        recipe=recipe,
        config=config,
        settings=settings_from(assignments, seed=seed, **options),
        bootstrap=bootstrap,
        out=out,
        force=force,
        device=device,
        preparing=progress().preparing,
        policy=context.obj,
    )
    echo(as_json_text(result) if as_json else "\n".join(_lines(result)))


def _lines(result: ProbeResult) -> list[str]:
    """Return the summary of a probe."""
    from sma_bench.probe_models import CHOSEN

    sizes = ", ".join(f"{count:,} {part}" for part, count in result.rows.items())
    figures = ", ".join(
        f"{name} {metric_text(value)}{_interval(result, name)}" for name, value in result.test.items()
    )
    best, choice = result.valid[result.metric], f"{CHOSEN[result.probe]} {result.chosen:g}"
    features = f"features: {result.features} after layer {result.layer} of {result.model or 'random weights'}"
    if result.positions is not None:
        used = ", ".join(f"{count:,} {part}" for part, count in result.positions.items())
        features += f", for each position: {used}"
    return [
        f"{result.probe} probe on {result.task} ({result.kind}): {sizes} ({result.rejected:,} set aside), "
        f"{result.seconds:.1f} s",
        features,
        *([in_options(result.kind_guess)] if result.kind_guess else []),
        f"split: {result.split}",
        f"validation {result.metric} {metric_text(best)} with {choice}",
        f"test {figures}",
        *warning_lines(result.warnings),
    ]


def _interval(result: ProbeResult, metric: str) -> str:
    """Return the 95 % interval of a metric in brackets; empty where there is none."""
    interval = result.intervals.get(metric)
    return "" if interval is None else f" [{metric_text(interval.low)}, {metric_text(interval.high)}]"
