"""``sma config show``: the settings of a training and the origin of each."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Literal

import typer

from sma_core.cli.options import Assignments, ConfigFile, Debug, Domain, Json, Recipe, settings_from
from sma_core.cli.output import echo
from sma_core.cli.program.option_names import in_options
from sma_core.errors import UserError


def show(
    context: typer.Context,
    domain: Domain = None,
    recipe: Recipe = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    verb: Annotated[
        Literal["train", "finetune"], typer.Option("--verb", help="Command whose settings are shown.")
    ] = "train",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print every setting that a training would use, with its value, origin and description."""
    from sma_core.verbs.show_config import show_config

    if domain is None:
        raise UserError("pass --domain NAME; sma plugins list shows the installed domains")
    shown = show_config(domain, verb, recipe, config, settings_from(assignments), policy=context.obj)
    lines = [replace(line, origin=in_options(line.origin)) for line in shown]
    if as_json:
        echo(json.dumps({line.setting: {"value": line.value, "from": line.origin} for line in lines}, indent=1))
        return
    setting_width = max(len(line.setting) for line in lines)
    value_width = min(max(len(line.text) for line in lines), 40)
    for line in lines:
        echo(f"{line.setting:<{setting_width}}  {line.text:<{value_width}}  {line.origin:<14}  {line.description}")
