"""``sma score``: how well a model reconstructs each row, without labels."""

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
def score(
    context: typer.Context,
    *,
    file: RowsFile = None,
    model: Annotated[Path, typer.Option("--model", help="A pre-trained run, or a shipped model.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Table: .csv, .csv.gz, .parquet or .jsonl. Default: CSV on standard output."),
    ] = None,
    rows: GivenRows = None,
    substitutions: Annotated[
        str | None,
        typer.Option(
            "--substitutions", metavar="COLUMN", help="Score the substitutions of this column, such as A2C:D5E."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="COLUMN", help="Compare the scores with this column of numbers."),
    ] = None,
    passes: Annotated[
        int | None,
        typer.Option("--passes", help="Passes per row. Default: each hides about the share of the training."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of what is hidden together.")] = 0,
    column: Column = None,
    identifier: Identifier = None,
    reader: Reader = None,
    delimiter: Delimiter = None,
    columns: Columns = None,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="COLUMN", help="Another column of the file to copy; repeatable."),
    ] = None,
    batch_tokens: BatchTokens = 8192,
    device: Device = "auto",
    force: Force = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Score every row, without labels: each position is hidden once and reconstructed from the others."""
    from sma_view.score.score import score

    with rows_file(file, rows, model, reader) as (source, source_reader):
        result = score(
            model,
            source,
            out=out,
            force=force,
            passes=passes,
            seed=seed,
            substitutions=substitutions,
            against=against,
            column=column,
            identifier=identifier,
            reader=source_reader,
            delimiter=delimiter,
            columns=names_from(columns),
            keep=keep or (),
            batch_tokens=batch_tokens,
            device=device,
            policy=context.obj,
        )
    if as_json:
        echo(as_json_text(result), err=out is None)
        return
    target = f" in {out}" if out else ""
    read = counted(result.rows, "row")
    passed = counted(result.passes, "pass", "passes")
    echo(f"{read}{target}, {result.unusable:,} without a score, {passed} each, {result.seconds:.1f} s", err=True)
    if result.agreement is not None:
        echo(result.agreement.sentence, err=True)
    if result.truncated:
        echo(
            f"{counted(result.truncated, 'row')} truncated to the model's length; see the column reason", err=True
        )
