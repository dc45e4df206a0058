"""What `sma plugins` prints: tables of plugins, the facts of one, and the findings of the doctor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sma_core.cli.output import aligned
from sma_core.plugins.discovery import ANY

if TYPE_CHECKING:
    from sma_core.plugins.commands import InstalledCommand
    from sma_core.plugins.discovery import InstalledPlugin
    from sma_core.plugins.doctor import Diagnosis
    from sma_core.plugins.info import PluginInfo

_HEAD = ("NAME", "PACKAGE", "VERSION", "API", "STATUS", "")
_COMMAND_HEAD = ("COMMAND", "PACKAGE", "VERSION", "STATUS", "")


def list_lines(plugins: Sequence[InstalledPlugin]) -> list[str]:
    """Return name, package, version, API, status, and what it adds by its own words, or what is wrong."""
    return _adding([(plugin, f"{_adds(plugin.name)}: {plugin.summary}") for plugin in plugins])


def checked_lines(found: Sequence[Diagnosis]) -> list[str]:
    """Return the same of plugins that were tried: what they add is counted."""
    return _adding([(plugin, _counted(plugin)) for plugin in found])


def command_lines(commands: Sequence[InstalledCommand]) -> list[str]:
    """Return a table of the commands that packages add, each with its help, or what is wrong."""
    return aligned([_COMMAND_HEAD, *((*_command_cells(c, c.line), c.detail or c.help) for c in commands)])


def checked_command_lines(found: Sequence[Diagnosis]) -> list[str]:
    """Return the same of commands that were imported, each with what is wrong."""
    return aligned([_COMMAND_HEAD, *((*_command_cells(c, c.name), c.detail) for c in found)])


def _command_cells(command: InstalledCommand | Diagnosis, line: str) -> tuple[str, ...]:
    return line, command.package, command.version, command.status


def _adding(plugins: Sequence[tuple[InstalledPlugin | Diagnosis, str]]) -> list[str]:
    """Return a table of plugins, each with what it adds."""
    head = (*_HEAD[:-1], "ADDS")
    return aligned([head, *((*_cells(plugin), plugin.detail or adds) for plugin, adds in plugins)])


def _cells(plugin: InstalledPlugin | Diagnosis) -> tuple[str, ...]:
    return plugin.name, plugin.package, plugin.version, plugin.api or "-", plugin.status


def _adds(name: str) -> str:
    """What a plugin adds, as its name alone says it."""
    domain, dot, _ = name.partition(".")
    if not dot:
        return "a domain"
    return "to every domain" if domain == ANY else f"to {domain}"


def _counted(plugin: Diagnosis) -> str:
    counts = Counter(part.kind for part in plugin.parts)
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())


def info_lines(found: PluginInfo) -> list[str]:
    """Return a plugin's facts, and what it gives."""
    made_for = f"{found.api_version} (this sma-core has {found.core_api_version})" if found.api_version else ""
    facts = {
        "plugin": found.name,
        "package": f"{found.package} {found.version}",
        "summary": found.summary,
        "plugin API": made_for,
        "status": found.status,
        "module": f"{found.module} in {found.path}",
        "extensions": ", ".join(found.extensions),
    }
    parts = [("KIND", "NAME", ""), *((part.kind, part.name, part.summary) for part in found.parts)]
    old = [f"deprecated: {sentence}" for sentence in found.deprecated]
    return [*aligned([(fact, value) for fact, value in facts.items() if value]), *old, "", *aligned(parts)]


def doctor_lines(found: Sequence[Diagnosis]) -> list[str]:
    """Return a table of all plugins, then what is wrong with each that is not well, and the count."""
    if not found:
        return ["no plugin is installed"]
    lines = aligned([_HEAD, *((*_cells(plugin), plugin.detail) for plugin in found)])
    lines += [f"{p.name} ({p.package}): {sentence}" for p in found for sentence in p.deprecated]
    sick = [plugin for plugin in found if not plugin.healthy]
    for plugin in sick:
        lines += ["", f"{plugin.name} ({plugin.package} {plugin.version}) is {plugin.status}: {plugin.detail}"]
        lines += [f"what to do: {plugin.advice}", *(f"  | {line}" for line in plugin.traceback.splitlines())]
    return [*lines, "", f"{len(sick)} of {len(found)} plugins need mending" if sick else "all is well"]
