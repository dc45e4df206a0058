"""TOML files that ship by name: those in a package of the domain, and those that plugins add through a hook."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Generic, Self, TypeVar

from sma_core.errors import PluginError
from sma_core.plugins.imports import resolve
from sma_core.plugins.loading import reason_of
from sma_core.plugins.registry import Registry, noun
from sma_core.plugins.specs import ShippedRecipe, ShippedSuite

SUFFIX = ".toml"
S = TypeVar("S", ShippedRecipe, ShippedSuite)


@dataclass(frozen=True)
class ShippedFiles(Generic[S]):
    """The recipes, or the suites, of a domain: ``packaged`` in a package of ``owner``, ``added`` by plugins."""

    registry: Registry
    package: str | None
    owner: str
    packaged: Mapping[str, Traversable]
    added: Mapping[str, S]

    @classmethod
    def of(cls, registry: Registry, kind: type[S]) -> Self:
        """Find the files of one kind.

        Raises `PluginError` when the package that the domain names is missing, or two packages provide one name.
        """
        domain, owner = registry.domain, registry.provider(registry.domain)
        package = domain.suites
        if kind is ShippedRecipe:
            package, owner = domain.recipe_package, owner if domain.recipes else registry.packages["core"]
        added = {spec.name: spec for spec in registry.specs(kind)}
        files = cls(registry, package, owner, _packaged(package, owner), added)
        for name in sorted(files.packaged.keys() & added.keys()):
            both = f"{owner} and {registry.provider(added[name])}"
            raise PluginError(
                f"the {noun(added[name])} {name!r} is provided by both {both}; uninstall one of them or rename it"
            )
        return files

    @property
    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted([*self.packaged, *self.added])

    def near(self, name: str) -> str:
        """Return a hint for a name that does not exist: the nearest one, or all there are."""
        near = difflib.get_close_matches(name, self.names, n=1)
        return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(self.names) or 'none'}"

    def origin(self, name: str) -> str:
        """Return where a file is, in words."""
        if name in self.packaged:
            return f"{name}{SUFFIX} in {self.package}"
        return f"{name!r} of {self.registry.provider(self.added[name])}"

    def provider(self, name: str) -> str:
        """Return the package and version that provides a name."""
        return self.owner if name in self.packaged else self.registry.provider(self.added[name])

    def file(self, name: str) -> Traversable:
        """Return the file of a name; raises `PluginError` when a plugin's ``locate`` names none."""
        if name in self.packaged:
            return self.packaged[name]
        spec = self.added[name]
        what = f"the {noun(spec)} {name!r} of {self.registry.provider(spec)}"
        locate = resolve(spec.locate, what)
        try:
            path = locate()
        except Exception as error:
            raise PluginError(f"{what} cannot be found: {spec.locate} failed with {reason_of(error)}") from error
        if not isinstance(path, Path):
            raise PluginError(f"{what} cannot be found: {spec.locate} must return a Path, not {path!r}")
        if not path.is_file():
            raise PluginError(f"{what} cannot be found: there is no file {path}; reinstall that package")
        return path


def _packaged(package: str | None, owner: str) -> dict[str, Traversable]:
    """Return the TOML files of a package by name, sorted."""
    if package is None:
        return {}
    try:
        files = [item for item in resources.files(package).iterdir() if item.name.endswith(SUFFIX)]
    except ModuleNotFoundError as error:
        raise PluginError(
            f"the package {package} of {owner} cannot be found: {error}; reinstall that package"
        ) from error
    return {item.name.removesuffix(SUFFIX): item for item in sorted(files, key=lambda item: item.name)}
