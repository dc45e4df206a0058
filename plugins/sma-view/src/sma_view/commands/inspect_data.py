"""``sma data inspect``: statistics of a data set or file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sma_core.cli.options import (
    Assignments,
    Column,
    Columns,
    Debug,
    Delimiter,
    Exclude,
    Force,
    Json,
    Reader,
    names_from,
    settings_from,
)
from sma_core.cli.output import echo
from sma_view.commands.list_data import OneDomain


def inspect_data(
    context: typer.Context,
    domain: OneDomain,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[SET_OR_FILE]", help="A data set's name, a file, or a comma-separated list."),
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="Read only the first N rows.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="PNG file to write histograms to; needs sma-view[plot].")
    ] = None,
    column: Column = None,
    columns: Columns = None,
    exclude: Exclude = None,
    reader: Reader = None,
    delimiter: Delimiter = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="COLUMN", help="Label column: count equal rows with different labels."),
    ] = None,
    assignments: Assignments = None,
    force: Force = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show statistics of a data set or file: usable rows, reasons for unusable rows, lengths, features."""
    from sma_core.cli.output import as_json_text, progress
    from sma_view.commands.inspection_lines import inspection_lines
    from sma_view.inspect_data import inspect_data

    options: dict[str, Any] = {
        "data.column": column,
        "data.columns": names_from(columns),
        "data.exclude": names_from(exclude),
        "data.reader": reader,
        "data.delimiter": delimiter,
    }
    inspection = inspect_data(
        domain,
        data,
        rows=rows,
        target=target,
        settings=settings_from(assignments, **options),
        plot=plot,
        force=force,
        progress=progress("reading").preparing,
        policy=context.obj,
    )
    if as_json:
        echo(as_json_text(inspection))
    else:
        for line in inspection_lines(inspection):
            echo(line)
        if plot is not None:
            echo(f"\nhistograms in {plot}")
    if not inspection.usable:
        raise typer.Exit(1)
