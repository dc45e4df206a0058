"""``sma import`` and ``sma export``: models of other programs, and models for them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import Columns, Debug, Json, Kind, Out, names_from


def import_authors(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|HUB_ID", help="config.json with pytorch_model.bin or model.safetensors, or owner/name."
        ),
    ],
    domain: Annotated[str, typer.Option("--domain", help="The domain whose rows the model reads.")],
    out: Out = None,
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="What a head predicts, where its settings do not say.")
    ] = None,
    target: Annotated[str | None, typer.Option("--target", help="Names of a head's targets, with commas.")] = None,
    columns: Columns = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Turn a checkpoint of the authors' released code into a run folder."""
    from sma_authors.import_authors import import_authors

    result = import_authors(
        source,
        domain,
        out=out,
        kind=kind,
        targets=names_from(target),
        columns=names_from(columns),
        policy=context.obj,
    )
    if as_json:
        typer.echo(json.dumps(asdict(result) | {"run": str(result.run)}))
        return
    following = "finetune" if result.what == "pre-trained" else "predict"
    for line in result.lines():
        typer.echo(line)
    typer.echo(f"next: sma {following} --model {result.run}{' FILE' if following == 'predict' else ''}")


def export_authors(
    run: Annotated[Path, typer.Argument(help="A run of sma train or sma finetune.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a run as config.json and model.safetensors that the authors' code loads."""
    from sma_authors.export_authors import export_authors

    result = export_authors(run, out)
    if as_json:
        typer.echo(json.dumps(asdict(result) | {"out": str(result.out)}))
        return
    typer.echo(f"{result.tensors} tensors, {result.parameters:,} parameters in {result.out}")
