"""``sma masks``: look at what a model would hide."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sma_core.cli.options import Column, Columns, Debug, Device, Force, Identifier, Json, Reader, names_from
from sma_core.cli.output import as_json_text, echo
from sma_core.cli.run_domain import reads_run


@reads_run
def masks(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="A file or a data set's name.")],
    model: Annotated[Path, typer.Option("--model", help="A pre-trained run.")],
    rows: Annotated[int, typer.Option("--rows", min=1, help="Number of rows, from the first.")] = 5,
    draws: Annotated[int, typer.Option("--draws", min=1, help="Number of masks per row.")] = 3,
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", help="Name of a masking strategy. Default: the run's."),
    ] = None,
    ratio: Annotated[float | None, typer.Option("--ratio", help="Hidden fraction. Default: the run's.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the masks.")] = 0,
    column: Column = None,
    reader: Reader = None,
    columns: Columns = None,
    identifier: Identifier = None,
    page: Annotated[Path | None, typer.Option("--page", help="HTML file with a drawing of each mask.")] = None,
    renderer: Annotated[
        str | None, typer.Option("--renderer", help="Renderer of the page. Default: the domain's.")
    ] = None,
    device: Device = "auto",
    force: Force = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show, for some rows, what the model would hide in each of several draws."""
    from sma_view.masks import masks

    wanted: dict[str, Any] = {"strategy": strategy, "ratio": ratio}
    result = masks(
        model,
        file,
        rows=rows,
        draws=draws,
        seed=seed,
        settings={name: value for name, value in wanted.items() if value is not None},
        column=column,
        reader=reader,
        columns=names_from(columns),
        identifier=identifier,
        page=page,
        force=force,
        renderer=renderer,
        device=device,
        policy=context.obj,
    )
    if as_json:
        echo(as_json_text(result))
        return
    for row in result.rows:
        name = f"{row.name}  " if row.name else ""
        echo(f"row {row.row:<6} {name}{row.text}" + (f"  ({row.reason})" if row.reason else ""))
        for number, shown in enumerate(row.shown, start=1):
            echo(f"  mask {number:<3} {shown}")
        if row.random:
            echo(f"  random   {row.random_shown}")
    if result.note:
        echo(result.note)
    for name, sentence in result.explained.items():
        echo(f"{name} {sentence}")
    if page is not None:
        echo(f"page {page}")
