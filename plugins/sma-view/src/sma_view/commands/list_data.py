"""``sma data list``: the named sets of a domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sma_core.cli.options import Debug, Domain, Json
from sma_core.cli.output import aligned, echo
from sma_view.commands.terminal import shortened

if TYPE_CHECKING:
    from sma_view.list_data import ListedSet

OneDomain = Annotated[
    str, typer.Option("--domain", help="Name of a domain (see `sma plugins list`), or a Python file.")
]


def list_data(context: typer.Context, domain: Domain = None, as_json: Json = False, debug: Debug = False) -> None:
    """List the named data sets of domains, and whether each is on this machine; reads and fetches none."""
    from sma_core.cli.output import as_json_text
    from sma_view.list_data import list_data

    sets = list_data(domain, context.obj)
    if as_json:
        echo(as_json_text(sets))
        return
    for line in _lines(sets):
        echo(line)


def _lines(sets: list[ListedSet]) -> list[str]:
    """Return a table of named sets, those that are on this machine first."""
    if not sets:
        return ["no data sets are named: pass a file of your own"]
    rows = [("DOMAIN", "NAME", "HERE", "FROM", "LICENCE", "")]
    for listed in sorted(sets, key=lambda one: (one.domain, not one.here)):
        origins = {"other files": "files that sma data inspect names", "ships": "its plugin"}
        if not listed.here:
            origins |= {"hub": f"hub {listed.wanted}", "SMA_DATA": f"$SMA_DATA/{listed.wanted}"}
        name = listed.name + (" *" if listed.default else "")
        origin = origins.get(listed.place, listed.place)
        available, licence = "yes" if listed.here else "no", shortened(listed.licence, 36)
        rows.append((listed.domain, name, available, origin, licence, listed.summary))
    lines = aligned(rows)
    if any(listed.default for listed in sets):
        lines.append("* the set that is used when none is named with --data")
    return lines
