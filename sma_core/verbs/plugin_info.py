"""`plugin_info`: what one installed plugin is and what it gives. Imports that plugin and no other."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import PluginError
from sma_core.plugins.discovery import PluginPolicy, installed_plugins
from sma_core.plugins.loading import reason_of, usable_plugin
from sma_core.plugins.registry import noun, specs_alone
from sma_core.plugins.specs import API_VERSION, Domain


@dataclass(frozen=True)
class Part:
    """One thing a plugin gives: what it is, its name, and its line of summary."""

    kind: str
    name: str
    summary: str


@dataclass(frozen=True)
class PluginInfo:
    """What there is to say of a plugin; ``extensions`` are the plugins of other packages that add to its domain.

    ``api_version`` is that of the contract the domain was made for, None for an extension; ``path`` is the file of
    its entry module.
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


def plugin_info(name: str, policy: PluginPolicy | None = None) -> PluginInfo:
    """Import the plugin ``name`` and return what it is.

    Raises `PluginError` when there is none of that name, it is switched off or in conflict, or cannot be imported.
    """
    plugin = usable_plugin(name, policy)
    try:
        specs = specs_alone(plugin)
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"the plugin {name!r} ({plugin.package} {plugin.version}) cannot be used: {reason_of(error)}; "
            "sma plugins doctor shows the traceback"
        ) from error
    others = [each for each in installed_plugins(policy) if each.domain == name and each.name != name]
    module = sys.modules.get(plugin.module.partition(":")[0])
    file = getattr(module, "__file__", None)
    return PluginInfo(
        name=plugin.name,
        package=plugin.package,
        version=plugin.version,
        summary=plugin.summary,
        api_version=next((spec.api_version for spec in specs if isinstance(spec, Domain)), None),
        core_api_version=API_VERSION,
        status=plugin.status,
        module=plugin.module,
        path=Path(file) if file else None,
        parts=tuple(Part(noun(spec), spec.name, spec.summary) for spec in specs),
        extensions=tuple(f"{each.name} ({each.package} {each.version})" for each in others),
    )
