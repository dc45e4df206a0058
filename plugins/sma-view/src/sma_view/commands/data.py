"""``sma data``: what sets there are, and what rows look like before anyone trains on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import Column, Columns, Debug, Json, Reader, names_from
from sma_view.commands.inspection_lines import inspection_lines, set_lines

Domain = Annotated[str, typer.Option("--domain", help="A domain of `sma plugins list`, or a Python file.")]


def list_data(context: typer.Context, domain: Domain, as_json: Json = False, debug: Debug = False) -> None:
    """List a domain's named sets, and whether each is on this machine; reads and fetches none."""
    from sma_core.cli.output import as_json_text
    from sma_view.list_data import list_data

    sets = list_data(domain, context.obj)
    if as_json:
        typer.echo(as_json_text(sets))
        return
    for line in set_lines(sets):
        typer.echo(line)


def inspect(
    context: typer.Context,
    domain: Domain,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[SET_OR_FILE]", help="A set, a file, or several, as --data names them elsewhere."),
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="Look at the first N rows only.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="A .png file for the histograms; needs the extra `report`.")
    ] = None,
    column: Column = None,
    columns: Columns = None,
    reader: Reader = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what a set or a file holds: rows that can be used or not and why, lengths, features."""
    from sma_core.cli.output import as_json_text, progress
    from sma_view.inspect_data import inspect_data

    found = inspect_data(
        domain,
        data,
        rows=rows,
        column=column,
        columns=names_from(columns),
        reader=reader,
        plot=plot,
        progress=progress("reading").preparing,
        policy=context.obj,
    )
    if as_json:
        typer.echo(as_json_text(found))
        return
    for line in inspection_lines(found):
        typer.echo(line)
    if plot is not None:
        typer.echo(f"\nhistograms in {plot}")
