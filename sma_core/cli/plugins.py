"""``sma plugins``: list, describe and check installed plugins, without importing them into this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import echo
from sma_core.cli.plugin_lines import (
    checked_command_lines,
    checked_lines,
    command_lines,
    doctor_lines,
    info_lines,
    list_lines,
)
from sma_core.cli.program.commands import packaged_commands
from sma_core.plugins.commands.command_list import InstalledCommand
from sma_core.plugins.discovery import InstalledPlugin, PluginPolicy, installed_plugins


def list_plugins(
    context: typer.Context,
    try_each: Annotated[
        bool,
        typer.Option(
            "--check", help="Also import each plugin and command in a separate process and report failures."
        ),
    ] = False,
    only_commands: Annotated[
        bool, typer.Option("--commands", help="List only the commands that packages add to sma.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the installed plugins and the commands that packages add, without importing them.

    Use `--check` to find out whether they work and what each plugin adds. `--json` prints a list of plugins, or
    with `--commands` a list of commands.
    """
    commands = packaged_commands(context)
    if try_each:
        _list_checked(context.obj, commands, only_commands, as_json)
        return
    if only_commands:
        _list_commands(commands, as_json)
        return
    plugins = installed_plugins(context.obj)
    if as_json:
        _echo_json(plugins)
        return
    _list_plugins(plugins)
    if commands:
        echo("\n".join(["", *command_lines(commands)]))


def _list_commands(commands: list[InstalledCommand], as_json: bool) -> None:
    if as_json:
        _echo_json(commands)
    elif commands:
        echo("\n".join(command_lines(commands)))
    else:
        echo("No package adds a command.")


def _echo_json(installed: Sequence[InstalledPlugin | InstalledCommand]) -> None:
    import json
    from dataclasses import asdict

    echo(json.dumps([asdict(item) for item in installed], indent=1))


def _list_plugins(plugins: list[InstalledPlugin]) -> None:
    if plugins:
        echo("\n".join(list_lines(plugins)))
    else:
        echo(
            "No domain is installed. Domains are separate packages, usually named sma-DOMAIN:\n"
            "  pip install sma-DOMAIN, or pip install ./plugins/sma-DOMAIN in a checkout\n"
            "  sma plugins new DOMAIN --kind discrete|continuous|sequence creates your own"
        )


def _list_checked(
    policy: PluginPolicy, commands: list[InstalledCommand], only_commands: bool, as_json: bool
) -> None:
    from sma_core.cli.output import as_json_text, waiting
    from sma_core.plugins.diagnosis.doctor import diagnose_commands, doctor

    with waiting("importing the plugins one by one"):
        plugins = [] if only_commands else doctor(policy)
        checked = [] if as_json and not only_commands else diagnose_commands(commands)
    if as_json:
        echo(as_json_text(checked if only_commands else plugins))
        return
    tables = ([] if only_commands else [checked_lines(plugins)]) + (
        [checked_command_lines(checked)] if checked else []
    )
    echo("\n\n".join("\n".join(lines) for lines in tables) or "No package adds a command.")


def info(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a plugin in `sma plugins list`.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show one plugin and its parts, without importing other plugins."""
    from sma_core.cli.output import as_json_text
    from sma_core.plugins.diagnosis.info import plugin_info

    plugin = plugin_info(name, context.obj)
    echo(as_json_text(plugin) if as_json else "\n".join(info_lines(plugin)))


def doctor(
    context: typer.Context,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1.0, help="Time limit for importing each plugin, in seconds.")
    ] = 60.0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Find broken plugins and commands and explain how to fix them.

    Each is imported in a separate process. The exit status is 1 when one is broken.
    """
    from sma_core.cli.output import as_json_text, waiting
    from sma_core.plugins.diagnosis.doctor import diagnose_commands, doctor

    with waiting("importing the plugins one by one"):
        diagnoses = [*doctor(context.obj, seconds), *diagnose_commands(packaged_commands(context), seconds)]
    echo(as_json_text(diagnoses) if as_json else "\n".join(doctor_lines(diagnoses)))
    if not all(diagnosis.healthy for diagnosis in diagnoses):
        raise typer.Exit(1)
