"""`doctor`: check that each installed plugin and command can be imported, and advise how to fix it if not.

Each one is imported in a separate process, so no plugin can break the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sma_core.plugins.commands.command_list import InstalledCommand
from sma_core.plugins.diagnosis.trial import PluginPart, TrialResult, try_command, try_plugin, try_together
from sma_core.plugins.discovery import ANY, InstalledPlugin, PluginPolicy, installed_plugins

Health = Literal["ok", "broken", "conflict", "incompatible", "invalid", "disabled"]
SECONDS = 60.0
_ADVICE: dict[Health, str] = {
    "ok": "",
    "broken": "fix or reinstall it (pip install --force-reinstall {package}), or remove it: pip uninstall "
    "{package}",
    "conflict": "uninstall one of the two: pip uninstall {package}",
    "incompatible": "or remove it: pip uninstall {package}",
    "invalid": "its author must rename the entry point; to remove it: pip uninstall {package}",
    "disabled": "to use it, add it to SMA_PLUGINS, or omit that variable and --no-plugins",
}


@dataclass(frozen=True)
class Diagnosis:
    """The status of one plugin or command, the reason, advice, and the traceback of a failure.

    ``api`` is the plugin API version it was made for, or an empty string when not declared; ``parts`` are the
    parts it provides, and ``deprecated`` the messages about deprecated features that it uses.
    """

    name: str
    package: str
    version: str
    status: Health
    detail: str
    advice: str
    traceback: str
    api: str
    parts: tuple[PluginPart, ...] = ()
    deprecated: tuple[str, ...] = ()
    kind: Literal["plugin", "command"] = "plugin"

    @property
    def healthy(self) -> bool:
        """Whether nothing needs to be fixed."""
        return self.status in ("ok", "disabled")


def doctor(policy: PluginPolicy | None = None, seconds: float = SECONDS) -> list[Diagnosis]:
    """Import every enabled plugin, each with a time limit of ``seconds``; returns diagnoses sorted by name."""
    plugins = installed_plugins(policy)
    return [_diagnosed(plugin, plugins, seconds) for plugin in plugins]


def _diagnosed(plugin: InstalledPlugin, plugins: list[InstalledPlugin], seconds: float) -> Diagnosis:
    if plugin.status != "installed":
        return _diagnosis(plugin, plugin.status, plugin.detail)
    trial = try_plugin(plugin, seconds)
    if trial.reason:
        return _diagnosis(plugin, "incompatible" if trial.incompatible else "broken", trial.reason, trial)
    if plugin.name != plugin.domain:
        return _diagnosis(plugin, "ok", _missing_domain(plugin, plugins) or plugin.detail, trial)
    extensions = [other for other in plugins if other.status == "installed" and other.adds_to(plugin.name)]
    usable = [plugin, *extensions]
    if len(usable) > 1 and (together := try_together(plugin.name, seconds)).reason:
        return _together(plugin, usable, together.reason, trial, seconds)
    return _diagnosis(plugin, "ok", plugin.detail or _two_versions(plugin, trial), trial)


def _together(
    plugin: InstalledPlugin, usable: list[InstalledPlugin], reason: str, alone: TrialResult, seconds: float
) -> Diagnosis:
    """Diagnose a domain whose plugins fail to load together: a conflict, unless an extension is itself broken."""
    broken = any(try_plugin(other, seconds).reason for other in usable if other is not plugin)
    return _diagnosis(plugin, "ok", trial=alone) if broken else _diagnosis(plugin, "conflict", reason, alone)


def _two_versions(plugin: InstalledPlugin, trial: TrialResult) -> str:
    """Return a warning when a package's keywords and its Domain declare different API versions."""
    if not plugin.api or not trial.api_version or plugin.api == trial.api_version:
        return ""
    return f"its keywords declare API {plugin.api}, its Domain {trial.api_version}: use the same version"


def _missing_domain(plugin: InstalledPlugin, plugins: list[InstalledPlugin]) -> str:
    """Return a warning when the domain that an extension adds to is not installed."""
    if any(other.name == other.domain and plugin.adds_to(other.name) for other in plugins):
        return ""
    if plugin.domain == ANY:
        return "it adds to every domain, but none is installed"
    return f"it adds to the domain {plugin.domain!r}, which is not installed"


def diagnose_commands(commands: Sequence[InstalledCommand], seconds: float = SECONDS) -> list[Diagnosis]:
    """Import each enabled command in a separate process, with a time limit of ``seconds``."""
    return [_diagnosed_command(command, seconds) for command in commands]


def _diagnosed_command(command: InstalledCommand, seconds: float) -> Diagnosis:
    trial = try_command(command, seconds) if command.status == "installed" else TrialResult()
    status: Health = "broken" if trial.reason else "ok" if command.status == "installed" else command.status
    return Diagnosis(
        name=command.line,
        package=command.package,
        version=command.version,
        status=status,
        detail=trial.reason or command.detail,
        advice=_ADVICE[status].format(package=command.package),
        traceback=trial.traceback,
        api=command.api,
        kind="command",
    )


def _diagnosis(
    plugin: InstalledPlugin, status: Health, detail: str = "", trial: TrialResult | None = None
) -> Diagnosis:
    trial = trial or TrialResult()
    return Diagnosis(
        name=plugin.name,
        package=plugin.package,
        version=plugin.version,
        status=status,
        detail=detail,
        advice=_ADVICE[status].format(package=plugin.package),
        traceback=trial.traceback,
        api=trial.api_version or plugin.api,
        parts=trial.parts,
        deprecated=trial.deprecated,
    )
