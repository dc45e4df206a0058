"""``sma plot``: one chart of a run as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import Debug, Force
from sma_core.cli.output import echo
from sma_core.cli.run_domain import reads_run


@reads_run
def plot(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    out: Annotated[Path, typer.Option("--out", help="File: .png, .svg or .pdf.")],
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="loss, parity, residuals, roc, precision-recall, reliability or confusion. Default: the first "
            "that the run has.",
        ),
    ] = None,
    target: Annotated[str | None, typer.Option("--target", help="Label column, if there are several.")] = None,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Write a chart of a run's losses or test predictions to a file, for papers and slides."""
    from sma_view.report.plot import plot

    result = plot(run, out, kind=kind, target=target, force=force, policy=context.obj)
    echo(f"chart {result.out}; this run has {', '.join(result.kinds)}")
