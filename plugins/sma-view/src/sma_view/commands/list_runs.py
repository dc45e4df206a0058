"""``sma runs``: the runs of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import aligned, as_json_text, echo


def list_runs(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder with runs, which may be deeper.")] = Path("runs"),
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the runs in a folder, newest first: domain, recipe, steps and key figure."""
    from sma_view.report.list_runs import list_runs

    runs = list_runs(folder)
    if as_json:
        echo(as_json_text(runs))
        return
    rows = [("RUN", "CHANGED", "DOMAIN", "WHAT", "RECIPE", "STEP", "FIGURE")]
    for run in runs:
        if run.problem:
            rows.append((str(run.path), run.changed[:16].replace("T", " "), "", run.problem, "", "", ""))
            continue
        what = f"fine-tuned on {run.task}" if run.verb == "finetune" else "pre-trained"
        figure = f"{run.figure} {run.value:.4g}" if run.value is not None else ""
        step = f"{run.step:,}" + ("" if run.finished else ", not finished")
        rows.append(
            (str(run.path), run.changed[:16].replace("T", " "), run.domain, what, run.recipe, step, figure)
        )
    for line in aligned(rows) if runs else [f"no runs in {folder}"]:
        echo(line)
