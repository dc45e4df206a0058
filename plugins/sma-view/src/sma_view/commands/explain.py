"""``sma explain``: what each input of a row adds to a prediction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sma_core.cli.options import (
    BatchTokens,
    Column,
    Columns,
    Debug,
    Delimiter,
    Device,
    EscapeFormulas,
    Force,
    Identifier,
    Json,
    Reader,
    names_from,
)
from sma_core.cli.output import aligned, as_json_text, counted, echo
from sma_core.cli.piped_rows import GivenRows, RowsFile, rows_file
from sma_core.cli.run_domain import reads_run
from sma_view.commands.terminal import shortened

if TYPE_CHECKING:
    from sma_view.explain.result import ExplainResult, ShownRow

TEXT_WIDTH = 60


@reads_run
def explain(
    context: typer.Context,
    *,
    run: Annotated[Path, typer.Argument(help="A fine-tuned run.")],
    file: RowsFile = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out", help="File: a page (.html), or a table (.csv, .csv.gz, .parquet, .jsonl, .json); repeatable."
        ),
    ] = None,
    given: GivenRows = None,
    method: Annotated[
        Literal["occlusion", "gradient", "integrated-gradients"],
        typer.Option("--method", help="How values are computed; integrated-gradients needs Captum."),
    ] = "occlusion",
    target: Annotated[str | None, typer.Option("--target", help="Label column, if there are several.")] = None,
    label: Annotated[
        str | None,
        typer.Option("--class", help="Class. Default: the most probable of each row; of two, the positive one."),
    ] = None,
    position: Annotated[
        int | None,
        typer.Option("--position", min=1, help="Position to explain, of a run that predicts one symbol for each."),
    ] = None,
    window: Annotated[
        int, typer.Option("--window", min=1, help="Occlusion: number of consecutive inputs hidden together.")
    ] = 1,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Integrated gradients: number of steps.")] = 50,
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, help="Number of rows, from the first. Default: all; 20 drawn.")
    ] = None,
    deletion_rows: Annotated[
        int, typer.Option("--deletion-rows", min=0, help="Rows of the deletion test, from the first; 0 omits it.")
    ] = 100,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the random orders of the deletion test.")] = 0,
    column: Column = None,
    reader: Reader = None,
    delimiter: Delimiter = None,
    columns: Columns = None,
    identifier: Identifier = None,
    renderer: Annotated[
        str | None, typer.Option("--renderer", help="Renderer of the page. Default: the domain's.")
    ] = None,
    batch_tokens: BatchTokens = 8192,
    device: Device = "auto",
    force: Force = False,
    escape_formulas: EscapeFormulas = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show which inputs carry a prediction: what each adds to it, and whether these values mean anything."""
    from sma_view.explain.explain import explain

    with rows_file(file, given, run, reader) as (source, source_reader):
        result = explain(
            run,
            source,
            out=out or (),
            method=method,
            target=target,
            label=label,
            position=position,
            window=window,
            steps=steps,
            rows=rows,
            deletion_rows=deletion_rows,
            seed=seed,
            column=column,
            reader=source_reader,
            delimiter=delimiter,
            columns=names_from(columns),
            identifier=identifier,
            renderer=renderer,
            batch_tokens=batch_tokens,
            escape_formulas=escape_formulas,
            force=force,
            device=device,
            policy=context.obj,
        )
    echo(as_json_text(result)) if as_json else _tell(result)


def _tell(result: ExplainResult) -> None:
    echo(f"values in {result.unit}, by {result.method}")
    for row in result.shown:
        _tell_row(row)
    if result.completeness:
        echo(("warning: " if result.is_incomplete else "") + result.completeness, err=result.is_incomplete)
    if result.deletion is not None:
        echo(result.deletion.sentence)
    for out in result.outs:
        echo(f"{'page' if out.suffix in ('.html', '.htm') else 'table'} {out}")
    lost = f", {result.unusable:,} without values" if result.unusable else ""
    echo(f"{counted(result.rows, 'row')}{lost}, {result.seconds:.1f} s", err=True)


def _tell_row(row: ShownRow) -> None:
    name = f"{row.name}  " if row.name else ""
    remark = f"  ({row.reason})" if row.reason else ""
    echo(f"row {row.row:<6} {name}{shortened(row.text, TEXT_WIDTH)}{remark}".rstrip())
    if row.prediction is None:
        return
    of_class = f" ({row.label})" if row.label else ""
    lines = [("", "prediction", f"{row.prediction:.4g}{of_class}", "")]
    lines += [("", f"position {one.position}", f"{one.value:+.3g}", shortened(one.symbol, 40)) for one in row.top]
    for line in aligned(lines):
        echo(line)
