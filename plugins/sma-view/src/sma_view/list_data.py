"""`list_data`: list the data sets of a domain and whether each is on this machine, without reading any."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import UserError
from sma_core.plugins.discovery import ANY, PluginPolicy, installed_plugins
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import DataSet
from sma_core.sources.data_sets import locations


@dataclass(frozen=True)
class ListedSet:
    """A named set: what it is, and where it is or would come from.

    ``place`` is ``ships``, ``SMA_DATA`` or ``cache`` for a set that is here. Of another it says where a verb would
    take ``wanted`` from: ``hub``, ``SMA_DATA`` when the user must put it there, or ``other files`` with the reason
    why those from which the plugin makes the set cannot be used.
    """

    domain: str
    name: str
    summary: str
    source: str
    licence: str
    here: bool
    place: str
    path: Path | None
    wanted: str | None
    default: bool


def list_data(domain: str | None = None, policy: PluginPolicy | None = None) -> list[ListedSet]:
    """Return the named sets of ``domain``, or of every installed domain that can be used, sorted by name.

    Raises `PluginError` when there is no such domain.
    """
    if domain is None:
        policy = policy or PluginPolicy.from_environment()
        plugins = (plugin for plugin in installed_plugins(policy) if plugin.name == plugin.domain != ANY)
        names = [plugin.name for plugin in plugins if plugin.status == "installed"]
        return [listed for name in names for listed in list_data(name, policy)]
    registry = Registry.load_named(domain, policy)
    return [_listed(registry, spec) for spec in registry.specs(DataSet)]


def _listed(registry: Registry, spec: DataSet) -> ListedSet:
    try:
        files = [place for place in locations(registry, spec) if place.path.is_file()]
        reason = None
    except UserError as error:
        files, reason = [], str(error)
    place, path, wanted = "other files", None, reason
    if files:
        place, path = files[0].name, files[0].path
    elif spec.hub is not None:
        place, wanted = "hub", spec.hub
    elif spec.file is not None:
        place, wanted = "SMA_DATA", f"{registry.name}/{spec.file}"
    return ListedSet(
        domain=registry.name,
        name=spec.name,
        summary=spec.summary,
        source=spec.source,
        licence=spec.licence,
        here=bool(files),
        place=place,
        path=path,
        wanted=wanted,
        default=spec.name == registry.domain.dataset,
    )
