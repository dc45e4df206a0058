"""``sma plugins new``: create the project of a working plugin."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import echo

if TYPE_CHECKING:
    from sma_kit.new_plugin import NewPlugin


def new(
    name: Annotated[str, typer.Argument(help="Name of the domain: lower-case letters, digits and hyphens.")],
    kind: Annotated[
        Literal["discrete", "continuous"],
        typer.Option("--kind", help="discrete: rows of text; continuous: rows of numbers."),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="The project's folder. Default: sma-NAME.")] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Create the project of a working plugin for you to adapt."""
    from sma_core.cli.output import as_json_text
    from sma_kit.new_plugin import new_plugin

    project = new_plugin(name, kind, out)
    echo(as_json_text(project) if as_json else "\n".join(new_lines(project)))


def new_lines(project: NewPlugin) -> list[str]:
    """Return a summary of the project and the commands to run next."""
    folder = shlex.quote(project.path.as_posix())
    rows = "text" if project.kind == "discrete" else "numbers"
    return [
        f"{project.package}, a domain of {rows}: {len(project.files)} files in {folder}",
        f"next: pip install -e {folder if '/' in folder else f'./{folder}'}",
        f"      sma train --domain {project.domain}",
        f"lines to change are marked: grep -rn CHANGE {folder}",
    ]
