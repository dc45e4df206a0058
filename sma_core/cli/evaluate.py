"""``sma evaluate``: how good a fine-tuned run is, with confidence intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sma_core.cli.label_options import PositionMask, Target
from sma_core.cli.options import Column, Debug, Device, Json, MaxRejected, Reader, names_from
from sma_core.cli.run_domain import reads_run

if TYPE_CHECKING:
    from sma_core.runs.results import Estimate, EvaluateResult

Part = Literal["test", "valid", "train", "all"]
Labelled = Annotated[
    str | None,
    typer.Option("--data", help="A labelled file, or a set's name; empty: the rows the run had."),
]
OfRun = Annotated[Part | None, typer.Option("--part", help="Which of the rows the run had; empty: test.")]
Bootstrap = Annotated[
    int, typer.Option("--bootstrap", min=0, help="How often rows are drawn anew; 0: no intervals.")
]
Confidence = Annotated[float, typer.Option("--confidence", help="Share of the draws in an interval.")]
Predictions = Annotated[
    Path | None, typer.Option("--predictions", help="A csv file for labels and predictions of each row.")
]
Report = Annotated[Path | None, typer.Option("--out", help="A JSON file for the figures.")]


@reads_run
def evaluate(
    context: typer.Context,
    model: Annotated[Path, typer.Option("--model", help="A fine-tuned run.")],
    data: Labelled = None,
    column: Column = None,
    target: Target = None,
    position_mask: PositionMask = None,
    reader: Reader = None,
    max_rejected: MaxRejected = None,
    part: OfRun = None,
    bootstrap: Bootstrap = 1000,
    confidence: Confidence = 0.95,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the draws.")] = 0,
    predictions: Predictions = None,
    out: Report = None,
    device: Device = "auto",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Judge a fine-tuned run, on the rows it had or others, with confidence intervals."""
    from sma_core.cli.output import as_json_text, waiting
    from sma_core.verbs.evaluate import evaluate

    with waiting("reading, predicting and drawing intervals"):
        result = evaluate(
            model,
            data=data,
            column=column,
            targets=names_from(target),
            position_mask=position_mask,
            reader=reader,
            max_rejected=max_rejected,
            part=part,
            bootstrap=bootstrap,
            confidence=confidence,
            seed=seed,
            predictions=predictions,
            out=out,
            device=device,
            policy=context.obj,
        )
    typer.echo(as_json_text(result) if as_json else "\n".join(_lines(result)))


def _lines(result: EvaluateResult) -> list[str]:
    """Return what a person is told: a table of the figures, and one of each target where there are several."""
    from sma_core.cli.output import aligned

    which = f"{result.part} rows of {result.data}" if result.part else result.data
    positions = f", {result.judged:,} positions" if result.judged != result.rows else ""
    lines = [f"{result.task} ({result.kind}) on {which}: {result.rows:,} rows{positions}"]
    if not result.part:
        lines[0] += f" ({result.rejected:,} set aside)"
    rows = [[name, *_cells(figure)] for name, figure in result.figures.items()]
    for target, figures in result.targets.items():
        rows += [[f"{target}: {name}", *_cells(figure)] for name, figure in figures.items()]
    lines += aligned([["figure", "value", f"{100 * result.confidence:g} % interval"], *rows], right={1, 2})
    lines.append(_notes(result))
    return lines


def _cells(figure: Estimate) -> tuple[str, str]:
    if figure.value != figure.value:
        return "-", "-"
    known = figure.low is not None and figure.high is not None
    return f"{figure.value:.4f}", f"{figure.low:.4f} to {figure.high:.4f}" if known else "-"


def _notes(result: EvaluateResult) -> str:
    unit = "figures in the labels' units; " if result.kind == "regression" else ""
    drawn = f"intervals from {result.bootstrap:,} draws of the rows, seed {result.seed}"
    return unit + (drawn if result.bootstrap else "no intervals drawn")
