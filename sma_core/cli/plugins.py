"""``sma plugins``: which plugins are installed and whether they work. None is imported into this process."""

from __future__ import annotations

from typing import Annotated

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.plugin_lines import checked_lines, doctor_lines, info_lines, list_lines
from sma_core.plugins.discovery import PluginPolicy, installed_plugins

_HELP = "See which plugins are installed and whether they work."

app = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_plugins(
    context: typer.Context,
    try_each: Annotated[
        bool, typer.Option("--check", help="Import each in a process of its own: what works, and what it adds.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the installed plugins from package metadata, importing none.

    What no metadata can say, whether a plugin works and what it adds, `--check` finds out.
    """
    if try_each:
        _list_checked(context.obj, as_json)
        return
    plugins = installed_plugins(context.obj)
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps([asdict(plugin) for plugin in plugins], indent=1))
    elif plugins:
        typer.echo("\n".join(list_lines(plugins)))
    else:
        typer.echo(
            "No domain is installed. Domains come in packages of their own, by custom named sma-DOMAIN:\n"
            "  pip install sma-DOMAIN, or pip install ./plugins/sma-DOMAIN in a checkout\n"
            "  sma plugins new DOMAIN --kind discrete|continuous writes one of your own (from the package sma-kit)"
        )


def _list_checked(policy: PluginPolicy, as_json: bool) -> None:
    from sma_core.cli.output import as_json_text, waiting
    from sma_core.plugins.doctor import doctor

    with waiting("importing the plugins one by one"):
        found = doctor(policy)
    typer.echo(as_json_text(found) if as_json else "\n".join(checked_lines(found)))


@app.command("info")
def info(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A plugin, as `sma plugins list` names it.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what one plugin is and gives; no other is imported."""
    from sma_core.cli.output import as_json_text
    from sma_core.plugins.info import plugin_info

    found = plugin_info(name, context.obj)
    typer.echo(as_json_text(found) if as_json else "\n".join(info_lines(found)))


@app.command("doctor")
def doctor(
    context: typer.Context,
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, help="Time limit for each plugin.")] = 60.0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say which plugins are broken, and what to do.

    Each is imported in a process of its own. Exit status 1 when one needs mending.
    """
    from sma_core.cli.output import as_json_text, waiting
    from sma_core.plugins.doctor import doctor

    with waiting("importing the plugins one by one"):
        found = doctor(context.obj, seconds)
    typer.echo(as_json_text(found) if as_json else "\n".join(doctor_lines(found)))
    if not all(each.healthy for each in found):
        raise typer.Exit(1)
