"""`plugin_info`: what one installed plugin is and what it gives. Imports that one, in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import PluginError
from sma_core.plugins.discovery import PluginPolicy, installed_plugins
from sma_core.plugins.loading import usable_plugin
from sma_core.plugins.specs import API_VERSION
from sma_core.plugins.trial import Part, try_plugin

SECONDS = 60.0
"""Time that the import may take."""


@dataclass(frozen=True)
class PluginInfo:
    """What there is to say of a plugin; ``extensions`` are the plugins that add to its domain.

    ``api_version`` is that of the contract it was made for, None where it does not say; ``path`` is the file of
    its entry module; ``deprecated`` is what it uses that the next major version of the contract will not have.
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
    parts: tuple[Part, ...]
    extensions: tuple[str, ...]
    deprecated: tuple[str, ...]


def plugin_info(name: str, policy: PluginPolicy | None = None) -> PluginInfo:
    """Try the plugin ``name`` and return what it is.

    Raises `PluginError` when there is none of that name, it is switched off or in conflict, or cannot be imported.
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
