"""`PluginName`: the name of a new plugin, and the package and module that are named after it."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from importlib import metadata

from sma_core.errors import UserError
from sma_core.plugins.discovery import ANY, NO_DOMAIN_ANY, InstalledPlugin, PluginPolicy, installed_plugins
from sma_core.plugins.loading import usable_plugin
from sma_core.plugins.specs import SPEC_NAME


@dataclass(frozen=True)
class PluginName:
    """A domain (``reads``), an extension of a domain (``chem.polymers``) or of every domain (``any.lab``).

    >>> [PluginName(name).package for name in ("reads", "chem.polymers", "any.lab")]
    ['sma-reads', 'sma-chem-polymers', 'sma-lab']
    """

    name: str

    @property
    def domain(self) -> str:
        """The domain that the plugin provides or adds to; ``any`` when it adds to every domain."""
        return self.name.partition(".")[0]

    @property
    def extension(self) -> str:
        """The part after the dot; empty for a domain."""
        return self.name.partition(".")[2]

    @property
    def package(self) -> str:
        """The package: ``sma-`` and the name, without ``any``."""
        return f"sma-{self.name.removeprefix(f'{ANY}.').replace('.', '-')}"

    @property
    def module(self) -> str:
        """The module of the package."""
        return self.package.replace("-", "_")

    def check(self) -> None:
        """Raise `UserError` when the name is invalid or taken, or the domain of an extension is not installed."""
        if self.name.startswith("sma-"):
            raise UserError(
                f"pass the plugin, not the package: {self.name.removeprefix('sma-')!r} creates the package "
                f"{PluginName(self.name.removeprefix('sma-')).package}"
            )
        self._check_form()
        for plugin in installed_plugins(PluginPolicy()):
            if plugin.name == self.name:
                what = "plugin" if self.extension else "domain"
                raise UserError(
                    f"the {what} {self.name!r} is already installed by {plugin.package}: choose another name"
                )
        if _is_installed(self.package):
            raise UserError(f"a package {self.package} is already installed: choose another name")

    def _check_form(self) -> None:
        parts = self.name.split(".")
        if len(parts) > 2 or not all(map(SPEC_NAME.fullmatch, parts)):
            raise UserError(
                f"{self.name!r} is no valid name of a plugin: use lower-case letters, digits and single hyphens, "
                "and DOMAIN.EXTENSION or any.EXTENSION for an extension"
            )
        if self.name == ANY:
            raise UserError(f"{NO_DOMAIN_ANY}: choose another name")
        if not self.extension and (keyword.iskeyword(self.name) or keyword.issoftkeyword(self.name)):
            raise UserError(f"{self.name!r} is a Python keyword: choose another name")

    def provider(self) -> InstalledPlugin | None:
        """Return the plugin of the domain that an extension adds to; None for a domain, and for every domain.

        Raises `PluginError` when the domain is not installed or cannot be used.
        """
        return usable_plugin(self.domain, PluginPolicy()) if self.extension and self.domain != ANY else None


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
