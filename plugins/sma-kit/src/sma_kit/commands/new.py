"""``sma plugins new``: create the project of a working plugin."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import echo
from sma_core.plugins.discovery import ANY

if TYPE_CHECKING:
    from sma_kit.new_plugin import NewPlugin

_ROWS = {"discrete": "text", "continuous": "numbers", "sequence": "sequences of vectors"}


def new(
    name: Annotated[
        str,
        typer.Argument(
            help="A domain, in lower-case letters, digits and hyphens; or an extension: DOMAIN.NAME, any.NAME."
        ),
    ],
    kind: Annotated[
        Literal["discrete", "continuous", "sequence"] | None,
        typer.Option(
            "--kind",
            help="discrete: rows of text; continuous: rows of numbers; sequence: rows are sequences of vectors. "
            "Required for a domain.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The project's folder. Default: the package, such as sma-NAME.")
    ] = None,
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
    extension = project.name.partition(".")[2]
    wanted = "DOMAIN" if project.domain == ANY else project.domain
    if project.kind is not None:
        what = f"a domain of {_ROWS[project.kind]}"
    else:
        what = "an extension of every domain" if project.domain == ANY else f"an extension of the domain {wanted}"
    return [
        f"{project.package}, {what}: {len(project.files)} files in {folder}",
        f"next: pip install -e {folder if '/' in folder else f'./{folder}'}",
        f"      sma train --domain {wanted}{f' --recipe {extension}' if extension else ''}",
        f"lines to change are marked: grep -rn CHANGE {folder}",
    ]
