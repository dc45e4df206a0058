"""List the commands that installed packages add to the program ``sma``, from package metadata alone.

No package is imported. The name of an entry point in the group ``sma.commands`` is the words to type, a colon, a
space and one line of help; its value names a function with typer annotations or a `typer.Typer`:

    [project.entry-points."sma.commands"]
    "masks: Show what the model hides in each row." = "sma_view.masks_command:masks"
    "data inspect: Show what a file holds." = "sma_view.data_command:inspect"

Names of entry points may contain any character except ``=``, so words and help are known without an import.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata

from sma_core.plugins.api_version import api_fit, misfit
from sma_core.plugins.discovery import (
    SWITCHED_OFF,
    PluginPolicy,
    Status,
    entry_points_of,
    normalized,
    package_facts,
)

GROUP = "sma.commands"
CORE = "sma-core"
Words = tuple[str, ...]

_ENTRY_NAME = re.compile(r"(?P<words>[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)*): (?P<help>\S.*)")
_INVALID = "the entry point must be named 'WORDS: HELP', such as 'masks: Show what the model hides.'"


@dataclass(frozen=True)
class InstalledCommand:
    """One command: the words to type after ``sma``, its help line, and the package that provides it.

    ``reference`` is the ``module:attribute`` that implements it. ``detail`` explains a ``status`` other than
    ``installed``, or that the package was made for a newer plugin API. ``api`` is the API version declared by the
    package's keywords, or an empty string. ``shadowed`` is true when the core has a command of the same words.
    """

    words: Words
    help: str
    package: str
    version: str
    reference: str
    status: Status = "installed"
    detail: str = ""
    api: str = ""
    shadowed: bool = False

    @property
    def line(self) -> str:
        """The command as typed: ``sma data inspect``."""
        return " ".join(("sma", *self.words))

    @property
    def provider(self) -> str:
        """Package and version, for messages."""
        return f"{self.package} {self.version}"


def command_from(
    name: str, reference: str, package: str = CORE, version: str = "", api: str = ""
) -> InstalledCommand:
    """Parse an entry point's name and value into a command.

    A malformed name gives a command of status ``invalid`` whose only word is the whole name.

    >>> command_from("data inspect: Show what a file holds.", "sma_view.data:inspect").words
    ('data', 'inspect')
    """
    match = _ENTRY_NAME.fullmatch(name)
    if match is None:
        return InstalledCommand((name,), "", package, version, reference, "invalid", _INVALID, api)
    return InstalledCommand(tuple(match["words"].split(" ")), match["help"], package, version, reference, api=api)


def core_commands(table: Mapping[str, str]) -> tuple[InstalledCommand, ...]:
    """Return the core's own commands from ``table``, which maps entry-point names to values."""
    return tuple(command_from(name, reference) for name, reference in table.items())


def installed_commands(
    policy: PluginPolicy | None = None,
    core: Collection[Words] = (),
    distributions: Iterable[metadata.Distribution] | None = None,
) -> list[InstalledCommand]:
    """List every command that installed packages add, sorted by words, without importing any.

    ``core`` are the words of the core's own commands. A command with the same words as one of these or as another
    package's command has the status ``conflict``. `PluginPolicy` allows a command by its first word or its
    package.
    """
    policy = policy or PluginPolicy.from_environment()
    unique: dict[tuple[Words, str], InstalledCommand] = {}
    for distribution in metadata.distributions() if distributions is None else distributions:
        for command in _commands_of(distribution):
            # As for imports, the first one on sys.path wins: an editable install can be listed twice.
            unique.setdefault((command.words, normalized(command.package)), command)
    commands = sorted(unique.values(), key=lambda command: (command.words, command.package))
    allowed = [command for command in commands if policy.allows(command.words[0], command.package)]
    return [_with_status(command, allowed, core) for command in commands]


def providers(words: Words, commands: Iterable[InstalledCommand]) -> str:
    """Return the packages that conflict over a command, joined by "and"."""
    same = (command for command in commands if command.words == words and command.status == "conflict")
    return " and ".join(command.provider for command in same)


def _commands_of(distribution: metadata.Distribution) -> list[InstalledCommand]:
    entries = entry_points_of(distribution, GROUP)
    if not entries:
        return []
    package, version, _, api = package_facts(distribution)
    return [command_from(entry.name, entry.value, package, version, api) for entry in entries]


def _with_status(
    command: InstalledCommand, allowed: list[InstalledCommand], core: Collection[Words]
) -> InstalledCommand:
    if command.status == "invalid":
        return command
    if command not in allowed:
        return replace(command, status="disabled", detail=SWITCHED_OFF)
    shadowing = next((words for words in core if command.words[: len(words)] == words), None)
    if shadowing is not None:
        reason = f"'sma {' '.join(shadowing)}' is a command of {CORE} and cannot be replaced"
        return replace(command, status="conflict", detail=reason, shadowed=True)
    others = [other for other in allowed if other.words == command.words and other is not command]
    if others:
        packages = ", ".join(other.package for other in others)
        return replace(command, status="conflict", detail=f"{command.line!r} is also provided by {packages}")
    fit = api_fit(command.api) if command.api else "fits"
    if fit == "fits":
        return command
    detail = misfit(command.api, command.package)
    return replace(command, status="incompatible" if fit == "incompatible" else "installed", detail=detail)
