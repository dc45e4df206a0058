"""Import the function of a command and build the typer command.

Used when a command or its help is called, and by ``sma plugins doctor``; never to list commands.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

from sma_core.errors import IncompatiblePluginError, PluginError
from sma_core.plugins.commands.command_list import InstalledCommand
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.imports import output_to_stderr

logger = logging.getLogger("sma")


def load_command(command: InstalledCommand) -> Any:  # noqa: ANN401 - a command or group of typer's own classes
    """Import a package's command and build it; output that the package prints goes to stderr.

    Raises `PluginError` with the command, the package and its version when the reference is malformed, the import
    fails, or the object is neither a function with typer annotations nor a `typer.Typer`.
    """
    try:
        with output_to_stderr():
            return build_command(command)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # pytest and Rust extensions raise BaseException
        from sma_core.plugins.loading import reason_of

        raise PluginError(
            f"the command {command.line!r} ({command.provider}) cannot be used: "
            f"{reason_of(error, command.package)}; reinstall that package, or tell its author (--debug shows the "
            "traceback)"
        ) from error


def build_command(command: InstalledCommand) -> Any:  # noqa: ANN401 - a command or group of typer's own classes
    """Import the function or `typer.Typer` of ``command`` and return a typer command; errors propagate.

    Its help is the docstring of the function or `typer.Typer`, or else the help line of the entry point.
    """
    import typer
    from typer.main import get_group

    target = _imported(command.reference)
    name = command.words[-1]
    parent = typer.Typer(add_completion=False, rich_markup_mode=None)
    if isinstance(target, typer.Typer):
        parent.add_typer(target, name=name)
    elif callable(target) and not isinstance(target, type):
        parent.command(name)(target)
    else:
        raise PluginError(
            f"{command.reference!r} is {_described(target)}; it must be a function with typer annotations or a "
            "typer.Typer"
        )
    built = get_group(parent).commands[name]
    built.help = built.help or command.help
    return built


def check_usable(command: InstalledCommand, others: str, policy: PluginPolicy) -> None:
    """Raise `PluginError` when a command is disabled, conflicting or incompatible.

    ``others`` names the conflicting packages. A package made for a newer minor version of the plugin API causes
    a warning, or `IncompatiblePluginError` when ``policy`` is strict.
    """
    if command.status == "disabled":
        raise PluginError(
            f"the command {command.line!r} ({command.package}) is {command.detail}; to use it, add "
            f"{command.package} or {command.words[0]} to SMA_PLUGINS"
        )
    if command.status == "conflict":
        raise PluginError(f"the command {command.line!r} is provided by both {others}; uninstall one of them")
    if command.status == "incompatible":
        raise IncompatiblePluginError(f"{command.provider} was {command.detail}")
    if command.detail:
        sentence = f"{command.provider} was {command.detail}"
        if policy.strict:
            raise IncompatiblePluginError(sentence)
        logger.warning("%s", sentence)


def _imported(reference: str) -> object:
    module, colon, attribute = reference.partition(":")
    if not colon or not module or not attribute:
        raise PluginError(f"its entry point names {reference!r}; it must look like 'package.module:function'")
    target: object = importlib.import_module(module)
    for part in attribute.split("."):
        target = getattr(target, part)
    return target


def _described(target: object) -> str:
    return f"the class {target.__name__}" if isinstance(target, type) else f"of the type {type(target).__name__}"
