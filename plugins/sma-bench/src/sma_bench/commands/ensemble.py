"""``sma ensemble``: fine-tune with several seeds and average the predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sma_bench.commands.finetuning_options import takes_finetuning
from sma_core.cli.finetune import request_from
from sma_core.cli.options import Debug, Domain, Json
from sma_core.cli.output import as_json_text, echo, progress


@takes_finetuning("no_baselines")
def ensemble(
    context: typer.Context,
    domain: Domain = None,
    members: Annotated[int, typer.Option("--members", min=2, help="Number of runs, each with its own seed.")] = 5,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the runs; running again continues. Default: under runs/."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Fine-tune with several seeds on one split; `sma predict` of the folder gives mean and spread."""
    from sma_bench.commands.members_lines import echo_members
    from sma_bench.members.ensemble import ensemble

    request = request_from({**context.params, "no_baselines": True})
    result = ensemble(
        domain,
        members=members,
        out=out,
        **request,
        observers=[progress()],
        tell=lambda line: echo(line, err=True),
        policy=context.obj,
    )
    echo(as_json_text(result)) if as_json else echo_members(result, "averaged")
