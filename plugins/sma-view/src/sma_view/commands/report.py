"""``sma report``: a page of what runs did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import Debug, Force, Json
from sma_core.cli.output import as_json_text, echo
from sma_core.cli.run_domain import reads_run


@reads_run
def report(
    context: typer.Context,
    runs: Annotated[list[Path], typer.Argument(help="Run folders of sma train and sma finetune.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="HTML file. Default: report.html in the folder of the only run.")
    ] = None,
    no_predictions: Annotated[
        bool, typer.Option("--no-predictions", help="Leave out charts of test rows, for which they are predicted.")
    ] = False,
    force: Force = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write settings, data, learning curves, test metrics and predictions of runs to one HTML page."""
    from sma_view.report.report import report

    result = report(runs, out=out, predictions=not no_predictions, force=force, policy=context.obj)
    if as_json:
        echo(as_json_text(result))
        return
    for sentence in result.lacking:
        echo(f"warning: {sentence}", err=True)
    echo(f"page {result.page}")
