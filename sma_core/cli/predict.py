"""``sma predict``: a value for every row of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import Column, Debug, Device, Json, Reader


def predict(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="A file, or a set's name.")],
    model: Annotated[Path, typer.Option("--model", help="A fine-tuned run.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The csv file to write; empty: standard output.")
    ] = None,
    column: Column = None,
    reader: Reader = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Rows in one forward pass.")] = 64,
    device: Device = "auto",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a csv line for every row, in order; rows that cannot be used keep the reason."""
    from sma_core.verbs.predict import predict

    result = predict(
        model,
        file,
        out=out,
        column=column,
        reader=reader,
        batch_size=batch_size,
        device=device,
        policy=context.obj,
    )
    if as_json:
        facts = {"out": str(out) if out else None, "rows": result.rows, "unusable": result.unusable}
        typer.echo(json.dumps(facts | {"seconds": round(result.seconds, 3)}), err=out is None)
        return
    where = f" in {out}" if out else ""
    typer.echo(
        f"{result.rows:,} rows{where}, {result.unusable:,} without a value, {result.seconds:.1f} s", err=True
    )
