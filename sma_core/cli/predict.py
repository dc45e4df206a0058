"""``sma predict``: predictions for every row of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import (
    Add,
    Arithmetic,
    BatchTokens,
    Calibrated,
    Column,
    Columns,
    Debug,
    Delimiter,
    Device,
    Devices,
    EscapeFormulas,
    Force,
    Identifier,
    Interval,
    Json,
    Reader,
    WindowOverlap,
    names_from,
    wanted_columns,
)
from sma_core.cli.output import echo
from sma_core.cli.piped_rows import GivenRows, RowsFile, rows_file
from sma_core.cli.run_domain import reads_run


@reads_run
def predict(
    context: typer.Context,
    *,
    file: RowsFile = None,
    model: Annotated[
        list[Path], typer.Option("--model", help="A fine-tuned run; repeat to average several runs of one task.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Output file: .csv, .csv.gz, .parquet or .jsonl. Default: CSV on standard output."
        ),
    ] = None,
    rows: GivenRows = None,
    column: Column = None,
    identifier: Identifier = None,
    reader: Reader = None,
    delimiter: Delimiter = None,
    columns: Columns = None,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="COLUMN", help="Another column of the file to copy; repeatable."),
    ] = None,
    probabilities: Annotated[
        bool,
        typer.Option(
            "--probabilities", help="For labels of positions: add the probabilities of each class, as lists."
        ),
    ] = False,
    interval: Interval = None,
    calibrated: Calibrated = False,
    familiarity: Annotated[
        bool,
        typer.Option("--familiarity", help="How far each row is from the rows that the model was trained on."),
    ] = False,
    add: Add = None,
    window_overlap: WindowOverlap = None,
    batch_tokens: BatchTokens = 8192,
    device: Device = "auto",
    precision: Arithmetic = "fp32",
    devices: Devices = None,
    force: Force = False,
    escape_formulas: EscapeFormulas = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a prediction for every row of a file, in order; unusable rows get a reason instead."""
    from sma_core.cli.output import counted, counts, tell_long_rows
    from sma_core.cli.program.ranks import is_silent, run_in_ranks
    from sma_core.runs.member_runs import members_of
    from sma_core.verbs.predict import predict

    with rows_file(file, rows, members_of(model[0])[0], reader, devices) as (source, source_reader):
        run_in_ranks(devices)
        result = predict(
            model,
            source,
            out=out,
            force=force,
            escape_formulas=escape_formulas,
            column=column,
            identifier=identifier,
            reader=source_reader,
            delimiter=delimiter,
            columns=names_from(columns),
            keep=keep or (),
            probabilities=probabilities,
            add=wanted_columns(add, interval=interval, calibrated=calibrated, familiarity=familiarity),
            window_overlap=window_overlap,
            batch_tokens=batch_tokens,
            device=device,
            precision=precision,
            policy=context.obj,
        )
    if is_silent():
        return
    if as_json:
        facts = {"out": str(out) if out else None} | counts(result)
        echo(json.dumps(facts | {"seconds": round(result.seconds, 3)}), err=out is None)
        return
    target = f" in {out}" if out else ""
    read = counted(result.rows, "row")
    echo(f"{read}{target}, {result.unusable:,} without a value, {result.seconds:.1f} s", err=True)
    tell_long_rows(result)
