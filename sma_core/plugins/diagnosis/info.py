"""`plugin_info`: facts about one installed plugin and its parts. Imports it in a separate process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import PluginError
from sma_core.plugins.api_version import API_VERSION
from sma_core.plugins.diagnosis.trial import PluginPart, try_plugin
from sma_core.plugins.discovery import PluginPolicy, installed_plugins
from sma_core.plugins.loading import usable_plugin

SECONDS = 60.0
"""Time limit of the import, in seconds."""


@dataclass(frozen=True)
class PluginInfo:
    """Facts about a plugin; ``extensions`` are the plugins that add to its domain.

    ``api_version`` is the plugin API version it was made for, or None when not declared; ``path`` is the file of
    its entry module; ``deprecated`` holds a message for each deprecated feature that it uses.
    """

    name: str
    package: str
    version: str
    summary: str
    api_version: str | None
    core_api_version: str
    status: str
    module: str
    path: Path | None
    parts: tuple[PluginPart, ...]
    extensions: tuple[str, ...]
    deprecated: tuple[str, ...]


def plugin_info(name: str, policy: PluginPolicy | None = None) -> PluginInfo:
    """Import the plugin ``name`` in a separate process and return facts about it.

    Raises `PluginError` when the plugin is not installed, is disabled, conflicts with another, or fails to import.
    """
    plugin = usable_plugin(name, policy)
    trial = try_plugin(plugin, SECONDS)
    if trial.reason:
        raise PluginError(
            f"the plugin {name!r} ({plugin.package} {plugin.version}) cannot be used: {trial.reason}; "
            "sma plugins doctor shows the traceback"
        )
    others = [other for other in installed_plugins(policy) if name == plugin.domain and other.adds_to(name)]
    return PluginInfo(
        name=plugin.name,
        package=plugin.package,
        version=plugin.version,
        summary=plugin.summary,
        api_version=trial.api_version or plugin.api or None,
        core_api_version=API_VERSION,
        status=plugin.status,
        module=plugin.module,
        path=Path(trial.path) if trial.path else None,
        parts=trial.parts,
        extensions=tuple(f"{other.name} ({other.package} {other.version})" for other in others),
        deprecated=trial.deprecated,
    )
