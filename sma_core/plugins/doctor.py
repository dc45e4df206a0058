"""`doctor`: whether each installed plugin and command can be imported, and what to do when not.

Each is tried in a process of its own, so no plugin can break the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sma_core.plugins.commands import InstalledCommand
from sma_core.plugins.discovery import ANY, InstalledPlugin, PluginPolicy, installed_plugins
from sma_core.plugins.trial import Part, Trial, try_command, try_plugin, try_together

Health = Literal["ok", "broken", "conflict", "incompatible", "invalid", "disabled"]
SECONDS = 60.0
_ADVICE: dict[Health, str] = {
    "ok": "",
    "broken": "mend it or install it anew (pip install --force-reinstall {package}); until then pip uninstall "
    "{package} leaves it out",
    "conflict": "uninstall one of the two: pip uninstall {package}",
    "incompatible": "until then pip uninstall {package} leaves it out",
    "invalid": "its author must rename the entry point; until then pip uninstall {package} leaves it out",
    "disabled": "to use it, name it in SMA_PLUGINS or leave that variable and --no-plugins away",
}


@dataclass(frozen=True)
class Diagnosis:
    """The state of one plugin or command, why it is so, what to do, and where it failed.

    ``api`` is the version of the contract it was made for, empty where it does not say; ``parts`` are what it
    gives, and ``deprecated`` what it uses that the next major version of the contract will not have.
    """

    name: str
    package: str
    version: str
    status: Health
    detail: str
    advice: str
    traceback: str
    api: str
    parts: tuple[Part, ...] = ()
    deprecated: tuple[str, ...] = ()
    kind: Literal["plugin", "command"] = "plugin"

    @property
    def healthy(self) -> bool:
        """Whether nothing needs mending."""
        return self.status in ("ok", "disabled")


def doctor(policy: PluginPolicy | None = None, seconds: float = SECONDS) -> list[Diagnosis]:
    """Try every installed plugin that is not switched off, each for at most ``seconds``; sorted by name."""
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
    plugin: InstalledPlugin, usable: list[InstalledPlugin], reason: str, alone: Trial, seconds: float
) -> Diagnosis:
    """A domain whose plugins do not load together: a conflict, unless one of the others is broken by itself."""
    broken = any(try_plugin(each, seconds).reason for each in usable if each is not plugin)
    return _diagnosis(plugin, "ok", trial=alone) if broken else _diagnosis(plugin, "conflict", reason, alone)


def _two_versions(plugin: InstalledPlugin, trial: Trial) -> str:
    """Say so when a package declares another version of the contract than its domain."""
    if not plugin.api or not trial.api_version or plugin.api == trial.api_version:
        return ""
    return f"its keywords declare API {plugin.api}, its Domain {trial.api_version}: make them one"


def _missing_domain(plugin: InstalledPlugin, plugins: list[InstalledPlugin]) -> str:
    """Say so when there is no domain that an extension adds to."""
    if any(other.name == other.domain and plugin.adds_to(other.name) for other in plugins):
        return ""
    if plugin.domain == ANY:
        return "it adds to every domain, but none is installed"
    return f"it adds to the domain {plugin.domain!r}, which is not installed"


def diagnose_commands(commands: Sequence[InstalledCommand], seconds: float = SECONDS) -> list[Diagnosis]:
    """Import each command that is not switched off in a process of its own, for at most ``seconds``."""
    return [_diagnosed_command(command, seconds) for command in commands]


def _diagnosed_command(command: InstalledCommand, seconds: float) -> Diagnosis:
    trial = try_command(command, seconds) if command.status == "installed" else Trial()
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


def _diagnosis(plugin: InstalledPlugin, status: Health, detail: str = "", trial: Trial | None = None) -> Diagnosis:
    trial = trial or Trial()
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
