"""Import what implements a command, and build the command that typer runs.

Used when a command is called or its help is asked for, and by ``sma plugins doctor``; never to list commands.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

from sma_core.errors import IncompatiblePluginError, PluginError
from sma_core.plugins.commands import InstalledCommand
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.quiet import output_to_stderr

logger = logging.getLogger("sma")


def load_command(command: InstalledCommand) -> Any:  # noqa: ANN401 - a command or group of typer's own classes
    """Import a package's command and build it; what the package prints meanwhile goes to stderr.

    Raises `PluginError` when the reference is malformed, the import fails, or it names no function with typer
    annotations and no `typer.Typer`. The sentence names the command, the package and its version.
    """
    try:
        with output_to_stderr():
            return build_command(command)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # what test tools and Rust raise is often no Exception
        from sma_core.plugins.loading import reason_of

        raise PluginError(
            f"the command {command.line!r} ({command.provider}) cannot be used: "
            f"{reason_of(error, command.package)}; reinstall that package, or tell its author (--debug shows the "
            "traceback)"
        ) from error


def build_command(command: InstalledCommand) -> Any:  # noqa: ANN401 - a command or group of typer's own classes
    """Import what ``command`` names and return it as a command of typer; whatever is raised is raised.

    The help is that of the function or `typer.Typer`; where it has none, the line of the entry point.
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
    """Raise `PluginError` when metadata rule a command out; ``others`` names the packages in conflict over it.

    A package that was made for a newer minor version of the contract is warned of, or refused when ``policy`` is
    strict.
    """
    if command.status == "disabled":
        raise PluginError(
            f"the command {command.line!r} ({command.package}) is {command.detail}; to use it, name "
            f"{command.package} or {command.words[0]} in SMA_PLUGINS"
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
