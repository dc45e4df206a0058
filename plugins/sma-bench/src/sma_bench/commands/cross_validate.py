"""``sma cross-validate``: fine-tune on every fold of the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sma_bench.commands.finetuning_options import takes_finetuning
from sma_core.cli.finetune import request_from
from sma_core.cli.options import Debug, Domain, Json
from sma_core.cli.output import as_json_text, echo, progress


@takes_finetuning("fold", "split_column", "no_baselines")
def cross_validate(
    context: typer.Context,
    domain: Domain = None,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Number of folds.")] = 5,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the runs; running again continues. Default: under runs/."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Fine-tune once for each fold, so that every row is tested once: metrics with their spread."""
    from sma_bench.commands.members_lines import echo_members
    from sma_bench.members.cross_validate import cross_validate

    request = request_from({**context.params, "folds": None, "no_baselines": True})
    result = cross_validate(
        domain,
        folds=folds,
        out=out,
        **request,
        observers=[progress()],
        tell=lambda line: echo(line, err=True),
        policy=context.obj,
    )
    echo(as_json_text(result)) if as_json else echo_members(result, "all rows")
