"""Recipes by name: those in the package of the domain, and those that plugins add."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

from sma_core.config.layers import Values
from sma_core.errors import MissingPartError, PluginError
from sma_core.plugins.registry import Registry
from sma_core.plugins.shipped_files import ShippedFiles
from sma_core.plugins.specs import ShippedRecipe


@dataclass(frozen=True)
class Recipe:
    """The contents of a recipe: settings of `sma train`, and under ``finetune`` those of `sma finetune`."""

    name: str
    values: Values

    @property
    def pretraining(self) -> Values:
        """The settings of `sma train`."""
        return {table: values for table, values in self.values.items() if table != "finetune"}

    @property
    def finetuning(self) -> Values:
        """The settings of `sma finetune` for all tasks."""
        return {table: values for table, values in self.values.get("finetune", {}).items() if table != "tasks"}

    @property
    def tasks(self) -> dict[str, Values]:
        """The settings of `sma finetune` for single tasks, by name."""
        tasks: dict[str, Any] = self.values.get("finetune", {}).get("tasks", {})
        return tasks


def recipe_names(registry: Registry) -> list[str]:
    """Return the recipes of the domain, sorted.

    Raises `PluginError` when the domain's package of recipes is missing, or two packages provide the same recipe.
    """
    return ShippedFiles.of(registry, ShippedRecipe).names


def read_recipe(registry: Registry, name: str) -> list[Recipe]:
    """Read a recipe: the recipe that it begins from, if any, then itself, whose settings take precedence.

    Raises `MissingPartError` with near names when there is none of that name, and `PluginError` when a file is
    missing or malformed.
    """
    files = ShippedFiles.of(registry, ShippedRecipe)
    if name not in files.names:
        raise MissingPartError(f"the domain {registry.name!r} has no recipe {name!r}: {files.near(name)}")
    base = None if name in files.packaged else files.added[name].base
    if base is not None and base not in files.packaged:
        raise PluginError(
            f"the recipe {name!r} of {files.provider(name)} begins from {base!r}, but the domain "
            f"{registry.name!r} itself has only {', '.join(files.packaged)}"
        )
    return [_parsed(files, each) for each in (base, name) if each is not None]


def _parsed(files: ShippedFiles[ShippedRecipe], name: str) -> Recipe:
    try:
        return Recipe(name, tomllib.loads(files.file(name).read_text(encoding="utf-8")))
    except ValueError as error:  # malformed, or not text
        raise PluginError(f"the recipe {name!r} of {files.provider(name)} is not valid TOML: {error}") from error
