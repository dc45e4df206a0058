"""The output of ``sma plugins``: tables of plugins, facts about one, and the doctor's report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sma_core.cli.output import aligned, counted
from sma_core.plugins.discovery import ANY

if TYPE_CHECKING:
    from sma_core.plugins.commands.command_list import InstalledCommand
    from sma_core.plugins.diagnosis.doctor import Diagnosis
    from sma_core.plugins.diagnosis.info import PluginInfo
    from sma_core.plugins.discovery import InstalledPlugin

_HEAD = ("NAME", "PACKAGE", "VERSION", "API", "STATUS", "")
_COMMAND_HEAD = ("COMMAND", "PACKAGE", "VERSION", "STATUS", "")


def list_lines(plugins: Sequence[InstalledPlugin]) -> list[str]:
    """Return a table of plugins with package, version, API, status, and summary or problem."""
    return _adding([(plugin, f"{_adds(plugin.name)}: {plugin.summary}") for plugin in plugins])


def checked_lines(diagnoses: Sequence[Diagnosis]) -> list[str]:
    """Return the table of imported plugins, with counts of their parts."""
    return _adding([(plugin, _counted_parts(plugin)) for plugin in diagnoses])


def command_lines(commands: Sequence[InstalledCommand]) -> list[str]:
    """Return a table of the commands that packages add, each with its help or problem."""
    return aligned([_COMMAND_HEAD, *((*_command_cells(c, c.line), c.detail or c.help) for c in commands)])


def checked_command_lines(diagnoses: Sequence[Diagnosis]) -> list[str]:
    """Return the table of imported commands, each with its problem."""
    return aligned([_COMMAND_HEAD, *((*_command_cells(c, c.name), c.detail) for c in diagnoses)])


def _command_cells(command: InstalledCommand | Diagnosis, line: str) -> tuple[str, ...]:
    return line, command.package, command.version, command.status


def _adding(plugins: Sequence[tuple[InstalledPlugin | Diagnosis, str]]) -> list[str]:
    """Return a table of plugins, each with the parts it adds."""
    head = (*_HEAD[:-1], "ADDS")
    return aligned([head, *((*_cells(plugin), plugin.detail or adds) for plugin, adds in plugins)])


def _cells(plugin: InstalledPlugin | Diagnosis) -> tuple[str, ...]:
    return plugin.name, plugin.package, plugin.version, plugin.api or "-", plugin.status


def _adds(name: str) -> str:
    """Return what a plugin adds, judging by its name alone."""
    domain, dot, _ = name.partition(".")
    if not dot:
        return "a domain"
    return "to every domain" if domain == ANY else f"to {domain}"


def _counted_parts(plugin: Diagnosis) -> str:
    counts = Counter(part.kind for part in plugin.parts)
    return ", ".join(counted(count, kind) for kind, count in counts.items())


def info_lines(plugin: PluginInfo) -> list[str]:
    """Return a plugin's facts and a table of its parts."""
    made_for = f"{plugin.api_version} (this sma-core has {plugin.core_api_version})" if plugin.api_version else ""
    facts = {
        "plugin": plugin.name,
        "package": f"{plugin.package} {plugin.version}",
        "summary": plugin.summary,
        "plugin API": made_for,
        "status": plugin.status,
        "module": f"{plugin.module} in {plugin.path}",
        "extensions": ", ".join(plugin.extensions),
    }
    parts = [("KIND", "NAME", ""), *((part.kind, part.name, part.summary) for part in plugin.parts)]
    deprecated = [f"deprecated: {message}" for message in plugin.deprecated]
    return [*aligned([(fact, value) for fact, value in facts.items() if value]), *deprecated, "", *aligned(parts)]


def doctor_lines(diagnoses: Sequence[Diagnosis]) -> list[str]:
    """Return a table of all plugins and commands, the problem of each broken one, and their number."""
    if not diagnoses:
        return ["no plugin is installed"]
    lines = aligned([_HEAD, *((*_cells(item), item.detail) for item in diagnoses)])
    lines += [f"{item.name} ({item.package}): {message}" for item in diagnoses for message in item.deprecated]
    broken = [item for item in diagnoses if not item.healthy]
    for item in broken:
        lines += ["", f"{item.name} ({item.package} {item.version}) is {item.status}: {item.detail}"]
        lines += [f"what to do: {item.advice}", *(f"  | {line}" for line in item.traceback.splitlines())]
    checked = counted(len(diagnoses), "plugin or command", "plugins and commands")
    return [*lines, "", f"{len(broken)} of {checked} must be fixed" if broken else "no problems found"]
