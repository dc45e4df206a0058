"""``sma embed``: embeddings of every row of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from sma_core.cli.options import (
    Arithmetic,
    BatchTokens,
    Column,
    Columns,
    Debug,
    Delimiter,
    Device,
    Devices,
    Force,
    Identifier,
    Json,
    Layer,
    Reader,
    WindowOverlap,
    names_from,
)
from sma_core.cli.output import echo
from sma_core.cli.piped_rows import GivenRows, RowsFile, rows_file
from sma_core.cli.run_domain import reads_run


@reads_run
def embed(
    context: typer.Context,
    *,
    file: RowsFile = None,
    model: Annotated[
        Path,
        typer.Option("--model", help="A run of sma train or sma finetune, or a model's name (sma models list)."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Output file: .npy, .npz, .parquet or .h5.")],
    pooling: Annotated[
        Literal["mean", "latents", "inputs"],
        typer.Option(
            "--pooling", help="mean: mean of the latents; latents: all latents; inputs: one vector per input."
        ),
    ] = "mean",
    rows: GivenRows = None,
    layer: Layer = None,
    column: Column = None,
    identifier: Identifier = None,
    reader: Reader = None,
    delimiter: Delimiter = None,
    columns: Columns = None,
    window_overlap: WindowOverlap = None,
    batch_tokens: BatchTokens = 8192,
    device: Device = "auto",
    precision: Arithmetic = "fp32",
    devices: Devices = None,
    force: Force = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the encoder's embedding of every row of a file, in order; unusable rows get none."""
    from sma_core.cli.output import counted, counts, tell_long_rows
    from sma_core.cli.program.ranks import is_silent, run_in_ranks
    from sma_core.verbs.embed import embed

    with rows_file(file, rows, model, reader, devices) as (source, source_reader):
        run_in_ranks(devices)
        result = embed(
            model,
            source,
            out,
            force=force,
            pooling=pooling,
            layer=layer,
            column=column,
            identifier=identifier,
            reader=source_reader,
            delimiter=delimiter,
            columns=names_from(columns),
            window_overlap=window_overlap,
            batch_tokens=batch_tokens,
            device=device,
            precision=precision,
            policy=context.obj,
        )
    if is_silent():
        return
    if as_json:
        facts = {"out": str(out), "shape": result.shape} | counts(result)
        echo(json.dumps(facts | {"seconds": round(result.seconds, 3)}))
        return
    size = " x ".join(map(str, result.shape)) + (" per position" if pooling == "inputs" else "")
    echo(
        f"{counted(result.rows, 'row')} of {size} in {out}, {result.unusable:,} without a vector, "
        f"{result.seconds:.1f} s"
    )
    tell_long_rows(result)
