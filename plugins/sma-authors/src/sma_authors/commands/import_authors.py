"""``sma import authors``: import a checkpoint of the authors' code."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sma_core.cli.options import Columns, Debug, Json, Kind, Out, names_from
from sma_core.cli.output import echo

if TYPE_CHECKING:
    from sma_authors.import_authors import ImportResult


def import_authors(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|HUB_ID", help="config.json with pytorch_model.bin or model.safetensors, or owner/name."
        ),
    ],
    domain: Annotated[str, typer.Option("--domain", help="The domain of the model's inputs.")],
    out: Out = None,
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="Kind of the task, if config.json does not name it.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Target names of the head, separated by commas.")
    ] = None,
    columns: Columns = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Import a checkpoint of the authors' released code as a run folder."""
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
        echo(json.dumps(asdict(result) | {"run": str(result.run)}))
        return
    for line in _lines(result):
        echo(line)


def _lines(result: ImportResult) -> list[str]:
    """Return the summary of an import and a suggested next command."""
    unused = [f"tensors that the network does not use: {', '.join(result.left_out)}"]
    following = "finetune --model" if result.what == "pre-trained" else "predict FILE --model"
    return [
        f"imported a {result.what} model with {result.parameters:,} parameters",
        *(unused if result.left_out else []),
        f"run folder {result.run}",
        f"next: sma {following} {result.run}",
    ]
