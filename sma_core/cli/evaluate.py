"""``sma evaluate``: metrics of a fine-tuned run, with confidence intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sma_core.cli.label_options import PositionMask, Target, Weight
from sma_core.cli.options import (
    Add,
    Calibrated,
    Column,
    Columns,
    Debug,
    Delimiter,
    Device,
    EscapeFormulas,
    Force,
    Identifier,
    Interval,
    Json,
    MaxRejected,
    Reader,
    WindowOverlap,
    names_from,
    wanted_columns,
)
from sma_core.cli.output import echo, metric_text
from sma_core.cli.run_domain import reads_run

if TYPE_CHECKING:
    from sma_core.runs.results import Estimate, EvaluateResult

JudgedPart = Literal["test", "valid", "train", "all"]
Labelled = Annotated[
    str | None,
    typer.Option("--data", help="A labelled file or a data set's name. Default: the run's own rows."),
]
OfRun = Annotated[JudgedPart | None, typer.Option("--part", help="Part of the run's own rows. Default: test.")]
Bootstrap = Annotated[
    int, typer.Option("--bootstrap", min=0, help="Number of bootstrap resamples; 0: no intervals.")
]
Confidence = Annotated[float, typer.Option("--confidence", help="Confidence level of the intervals.")]
Predictions = Annotated[
    Path | None, typer.Option("--predictions", help="CSV file to write the labels and predictions of each row to.")
]
Report = Annotated[Path | None, typer.Option("--out", help="JSON file to write the metrics to.")]


@reads_run
def evaluate(
    context: typer.Context,
    model: Annotated[Path, typer.Option("--model", help="A fine-tuned run.")],
    data: Labelled = None,
    column: Column = None,
    target: Target = None,
    position_mask: PositionMask = None,
    weight: Weight = None,
    reader: Reader = None,
    delimiter: Delimiter = None,
    columns: Columns = None,
    identifier: Identifier = None,
    max_rejected: MaxRejected = None,
    part: OfRun = None,
    window_overlap: WindowOverlap = None,
    interval: Interval = None,
    calibrated: Calibrated = False,
    add: Add = None,
    bootstrap: Bootstrap = 1000,
    confidence: Confidence = 0.95,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")] = 0,
    predictions: Predictions = None,
    out: Report = None,
    device: Device = "auto",
    force: Force = False,
    escape_formulas: EscapeFormulas = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Score a fine-tuned run on its own rows or on another file, with confidence intervals."""
    from sma_core.cli.output import as_json_text, waiting
    from sma_core.verbs.evaluate import evaluate

    with waiting("reading, predicting and computing intervals"):
        result = evaluate(
            model,
            data=data,
            column=column,
            targets=names_from(target),
            position_mask=position_mask,
            weight=weight,
            reader=reader,
            delimiter=delimiter,
            columns=names_from(columns),
            identifier=identifier,
            max_rejected=max_rejected,
            part=part,
            window_overlap=window_overlap,
            add=wanted_columns(add, interval=interval, calibrated=calibrated),
            bootstrap=bootstrap,
            confidence=confidence,
            seed=seed,
            predictions=predictions,
            out=out,
            force=force,
            escape_formulas=escape_formulas,
            device=device,
            policy=context.obj,
        )
    echo(as_json_text(result) if as_json else "\n".join(_lines(result)))


def _lines(result: EvaluateResult) -> list[str]:
    """Return a table of the metrics, with one row per target and metric when there are several targets."""
    from sma_core.cli.output import aligned, counted, warning_lines

    data = f"{result.part} rows of {result.data}" if result.part else result.data
    positions = f", {counted(result.judged, 'position')}" if result.judged != result.rows else ""
    lines = [f"{result.task} ({result.kind}) on {data}: {counted(result.rows, 'row')}{positions}"]
    if not result.part:
        lines[0] += f" ({result.rejected:,} set aside)"
    if result.windowed:
        lines[0] += f", {result.windowed:,} read in windows"
    if result.censored:
        lines[0] += f", {counted(result.censored, 'censored label')} left out"
    rows = [[name, *_cells(figure)] for name, figure in result.figures.items()]
    for target, figures in result.targets.items():
        rows += [[f"{target}: {name}", *_cells(figure)] for name, figure in figures.items()]
    lines += aligned([["metric", "value", f"{100 * result.confidence:g} % interval"], *rows], right={1, 2})
    lines.append((f"weighted by {result.weight!r}; " if result.weight else "") + _notes(result))
    return lines + warning_lines(result.warnings)


def _cells(figure: Estimate) -> tuple[str, str]:
    if figure.value != figure.value:
        return "-", "-"
    if figure.low is None or figure.high is None:
        return metric_text(figure.value), "-"
    return metric_text(figure.value), f"{metric_text(figure.low)} to {metric_text(figure.high)}"


def _notes(result: EvaluateResult) -> str:
    unit = "values in the labels' units; " if result.kind == "regression" else ""
    intervals = f"intervals from {result.bootstrap:,} bootstrap resamples of the rows, seed {result.seed}"
    return unit + (intervals if result.bootstrap else "no intervals computed")
