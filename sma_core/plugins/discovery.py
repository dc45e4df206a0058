"""Step one of discovery: list installed plugins from package metadata alone.

No plugin is imported. An entry point in the group ``sma.plugins`` has the name of the domain it provides
(``text``), ``domain.extension`` to add to a domain of another package, or ``any.extension`` to add to every
domain. A package declares the plugin API version it was made for with a keyword such as ``sma-api-1.2``.
"""

from __future__ import annotations

import functools
import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from email.parser import HeaderParser
from importlib import metadata
from typing import Literal, Self

from sma_core.plugins.api_version import api_fit, declared_api, misfit

logger = logging.getLogger("sma")

GROUP = "sma.plugins"
ANY = "any"
"""Reserved name: the plugin ``any.NAME`` adds to every domain."""
NO_DOMAIN_ANY = (
    "'any' is reserved for plugins that add to every domain (any.NAME), so no domain can have that name"
)
SWITCHED_OFF = "disabled by SMA_PLUGINS or --no-plugins"
Status = Literal["installed", "disabled", "conflict", "incompatible", "invalid"]

_ENTRY_NAME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?")


@dataclass(frozen=True)
class PluginPolicy:
    """Which plugins may be used; ``allowed`` None allows all, ``strict`` turns warnings into errors.

    ``allowed`` holds names of plugins (``text``, ``text.poems``), first words of commands, and names of packages.
    ``files`` are the absolute paths of Python files that the user passed as a domain.
    """

    allowed: frozenset[str] | None = None
    strict: bool = False
    files: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read ``SMA_PLUGINS`` (comma-separated list of allowed plugins) and ``SMA_STRICT_PLUGINS``."""
        variables = os.environ if environment is None else environment
        listed = variables.get("SMA_PLUGINS")
        allowed = None if listed is None else frozenset(name.strip() for name in listed.split(",")) - {""}
        return cls(allowed, variables.get("SMA_STRICT_PLUGINS", "") not in ("", "0"))

    def allows(self, name: str, package: str = "") -> bool:
        """Whether the plugin ``name`` of ``package`` may be used; allowing ``text`` also allows ``text.poems``."""
        if self.allowed is None or not self.allowed.isdisjoint({name, name.partition(".")[0]}):
            return True
        return normalized(package) in map(normalized, self.allowed)


@dataclass(frozen=True)
class InstalledPlugin:
    """One entry point: its name, the package that provides it, and whether it may be used.

    ``api`` is the plugin API version declared by the package's keywords, or an empty string.
    """

    name: str
    package: str
    version: str
    summary: str
    module: str
    status: Status = "installed"
    detail: str = ""
    api: str = ""

    @property
    def domain(self) -> str:
        """The domain this plugin provides or adds to; ``any`` when it adds to every domain."""
        return self.name.partition(".")[0]

    def adds_to(self, domain: str) -> bool:
        """Whether this plugin is an extension loaded with ``domain``."""
        return self.name != self.domain and self.domain in (domain, ANY)


def installed_plugins(
    policy: PluginPolicy | None = None, distributions: Iterable[metadata.Distribution] | None = None
) -> list[InstalledPlugin]:
    """List all installed plugins, sorted by name, without importing any.

    Two packages with the same entry-point name both get the status ``conflict``.
    """
    policy = policy or PluginPolicy.from_environment()
    unique: dict[tuple[str, str], InstalledPlugin] = {}
    for distribution in metadata.distributions() if distributions is None else distributions:
        for plugin in _plugins_of(distribution):
            # As for imports, the first one on sys.path wins: an editable install can be listed twice.
            unique.setdefault((plugin.name, normalized(plugin.package)), plugin)
    plugins = sorted(unique.values(), key=lambda plugin: (plugin.name, plugin.package))
    return [_with_status(plugin, plugins, policy) for plugin in plugins]


def normalized(package: str) -> str:
    """Normalize a package's name: ``Sma_Chem`` and ``sma-chem`` are the same."""
    return re.sub(r"[-_.]+", "-", package).lower()


def entry_points_of(distribution: metadata.Distribution, group: str) -> list[metadata.EntryPoint]:
    """Return a package's entry points in a group; damaged metadata gives an empty list and a warning."""
    try:
        if group not in (
            distribution.read_text("entry_points.txt") or ""
        ):  # true for most packages, so nothing is parsed
            return []
        return [entry for entry in distribution.entry_points if entry.group == group]
    except Exception as error:  # the exception differs between Python releases
        _warn_unreadable(package_facts(distribution)[0], str(distribution.locate_file("")), str(error))
        return []


@functools.cache
def _warn_unreadable(package: str, folder: str, reason: str) -> None:
    """Warn once per process, package and folder."""
    logger.warning("the entry points of the package %s cannot be read and are ignored: %s", package, reason)


def package_facts(distribution: metadata.Distribution) -> tuple[str, str, str, str]:
    """Return the name, version, summary and declared API version of a package.

    Only the header of the metadata is parsed; the body holds the package's README.
    """
    try:
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
        facts = HeaderParser().parsestr(text.partition("\n\n")[0])
        api = declared_api(facts["Keywords"])
        return facts["Name"] or "unknown-package", facts["Version"] or "unknown", facts["Summary"] or "", api
    except Exception:
        return "unknown-package", "unknown", "", ""


def _plugins_of(distribution: metadata.Distribution) -> list[InstalledPlugin]:
    """Return the plugins of one installed package."""
    entries = entry_points_of(distribution, GROUP)
    if not entries:  # true for most packages, so their other metadata is not read
        return []
    package, version, summary, api = package_facts(distribution)
    return [InstalledPlugin(entry.name, package, version, summary, entry.value, api=api) for entry in entries]


def _with_status(plugin: InstalledPlugin, plugins: list[InstalledPlugin], policy: PluginPolicy) -> InstalledPlugin:
    if not _ENTRY_NAME.fullmatch(plugin.name):
        return replace(
            plugin, status="invalid", detail="the entry point must be named 'domain' or 'domain.extension'"
        )
    if plugin.name == ANY:
        return replace(plugin, status="invalid", detail=NO_DOMAIN_ANY)
    if not policy.allows(plugin.name, plugin.package):
        return replace(plugin, status="disabled", detail=SWITCHED_OFF)
    others = [other.package for other in plugins if other.name == plugin.name and other is not plugin]
    if others:
        return replace(
            plugin, status="conflict", detail=f"{plugin.name!r} is also provided by {', '.join(others)}"
        )
    fit = api_fit(plugin.api) if plugin.api else "fits"
    if fit == "incompatible":
        return replace(plugin, status="incompatible", detail=misfit(plugin.api, plugin.package))
    return plugin if fit == "fits" else replace(plugin, detail=misfit(plugin.api, plugin.package))
