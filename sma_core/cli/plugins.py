"""``sma plugins``: what is installed. Never imports a plugin."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import aligned
from sma_core.plugins.discovery import InstalledPlugin, installed_plugins

app = typer.Typer(help="See which domains are installed.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _plugins() -> None:
    """See which domains are installed."""


@app.command("list")
def list_plugins(context: typer.Context, as_json: Json = False, debug: Debug = False) -> None:
    """List the installed plugins from package metadata, importing none."""
    plugins = installed_plugins(context.obj)
    if as_json:
        typer.echo(json.dumps([asdict(plugin) for plugin in plugins], indent=1))
        return
    if not plugins:
        typer.echo(
            "No domain is installed. Domains come in packages of their own, by custom named sma-DOMAIN:\n"
            "  pip install sma-DOMAIN, or pip install ./plugins/sma-DOMAIN in a checkout"
        )
        return
    for line in _table(plugins):
        typer.echo(line)


def _table(plugins: list[InstalledPlugin]) -> list[str]:
    """Return aligned lines: name, package, version, status, summary or what is wrong."""
    rows = [("NAME", "PACKAGE", "VERSION", "STATUS", "")]
    rows += [(p.name, p.package, p.version, p.status, p.detail or p.summary) for p in plugins]
    return aligned(rows)
