"""``sma plugins new``: write the project of a working plugin."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sma_core.cli.options import Debug, Json

if TYPE_CHECKING:
    from sma_kit.new_plugin import NewPlugin


def new(
    name: Annotated[str, typer.Argument(help="The domain: lower case letters, digits and hyphens.")],
    kind: Annotated[
        Literal["discrete", "continuous"], typer.Option("--kind", help="Rows of text, or rows of numbers.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="The project's folder; empty: sma-NAME here.")] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a working plugin, to be made your own."""
    from sma_core.cli.output import as_json_text
    from sma_kit.new_plugin import new_plugin

    made = new_plugin(name, kind, out)
    typer.echo(as_json_text(made) if as_json else "\n".join(new_lines(made)))


def new_lines(made: NewPlugin) -> list[str]:
    """Return what was written and what to type next."""
    folder = shlex.quote(made.path.as_posix())
    rows = "text" if made.kind == "discrete" else "numbers"
    return [
        f"{made.package}, a domain of {rows}: {len(made.files)} files in {folder}",
        f"next: pip install -e {folder if '/' in folder else f'./{folder}'}",
        f"      sma train --domain {made.domain}",
        f"what to change is marked: grep -rn CHANGE {folder}",
    ]
