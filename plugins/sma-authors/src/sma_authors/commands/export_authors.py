"""``sma export authors``: export a run in the authors' format."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import echo


def export_authors(
    run: Annotated[Path, typer.Argument(help="A run of sma train or sma finetune.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Export a run as config.json and model.safetensors that the authors' code can load."""
    from sma_authors.export_authors import export_authors

    result = export_authors(run, out)
    if as_json:
        echo(json.dumps(asdict(result) | {"out": str(result.out)}))
    else:
        echo(f"{result.tensors} tensors, {result.parameters:,} parameters in {result.out}")
