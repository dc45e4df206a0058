"""``sma neighbours``: the rows of a library that are most like given rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import (
    BatchTokens,
    Column,
    Columns,
    Debug,
    Delimiter,
    Device,
    Force,
    Identifier,
    Json,
    Reader,
    names_from,
)
from sma_core.cli.output import as_json_text, counted, echo
from sma_core.cli.piped_rows import GivenRows, RowsFile, rows_file
from sma_core.cli.run_domain import reads_run


@reads_run
def neighbours(
    context: typer.Context,
    *,
    file: RowsFile = None,
    model: Annotated[Path, typer.Option("--model", help="A run, or a shipped model.")],
    to: Annotated[str, typer.Option("--to", help="File of the library, in which neighbours are searched.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Number of neighbours of each row.")] = 5,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Table: .csv, .csv.gz, .parquet or .jsonl. Default: CSV on standard output."),
    ] = None,
    rows: GivenRows = None,
    column: Column = None,
    identifier: Identifier = None,
    reader: Reader = None,
    delimiter: Delimiter = None,
    columns: Columns = None,
    batch_tokens: BatchTokens = 8192,
    device: Device = "auto",
    force: Force = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Find for every row the rows of a library that the model places nearest."""
    from sma_view.trust.neighbours import neighbours

    with rows_file(file, rows, model, reader) as (source, source_reader):
        result = neighbours(
            model,
            source,
            to,
            count=count,
            out=out,
            force=force,
            column=column,
            identifier=identifier,
            reader=source_reader,
            delimiter=delimiter,
            columns=names_from(columns),
            batch_tokens=batch_tokens,
            device=device,
            policy=context.obj,
        )
    if as_json:
        echo(as_json_text(result), err=out is None)
        return
    target = f" in {out}" if out else ""
    echo(
        f"{counted(result.rows, 'row')}{target}, {result.unusable:,} without neighbours; library of "
        f"{counted(result.library, 'row')} ({result.library_unusable:,} set aside), {result.seconds:.1f} s",
        err=True,
    )
