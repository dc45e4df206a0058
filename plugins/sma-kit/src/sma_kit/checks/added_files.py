"""Contract checks of the recipes and suites that an extension adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import ClassVar, get_args

from sma_core.errors import PluginError, SmaError
from sma_core.plugins import DataSet, Domain, Task, hookimpl
from sma_core.plugins.discovery import ANY, InstalledPlugin, PluginPolicy
from sma_core.plugins.loading import load_alone, register, usable_plugin
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import InputKind, ShippedRecipe, ShippedSuite
from sma_kit.checks.shipped_files import resolve_recipe, resolve_suite
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, skip

TRIAL = "trial"
"""Name of the domains on which an extension of every domain is tried."""


class AddedFileChecks(Subject):
    """Checks of added recipes and suites, in the domain of the extension.

    Those of an extension of every domain are tried in a domain of text and in one of numbers, and must suit one of
    the two.
    """

    plugin: ClassVar[str]

    def test_recipes_are_complete_settings(self) -> None:
        """Recipes that the extension adds are complete for pre-training and for each task of the domain."""
        specs = [spec for spec in self._plugin_specs() if isinstance(spec, ShippedRecipe)]
        if not specs:
            skip("the plugin has no ShippedRecipe")
        for spec in specs:
            with explained(f"fix the recipe {spec.name!r}"):
                self._try(resolve_recipe, spec.name)

    def test_suites_name_what_exists(self) -> None:
        """Suites that the extension adds are valid, and name existing tasks, recipes and functions."""
        specs = [spec for spec in self._plugin_specs() if isinstance(spec, ShippedSuite)]
        if not specs:
            skip("the plugin has no ShippedSuite")
        if find_spec("sma_bench") is None:
            skip("sma-bench, which reads suites, is not installed")
        for spec in specs:
            with explained(f"fix the suite {spec.name!r}"):
                self._try(resolve_suite, spec.name)

    def _try(self, resolve: Callable[[Registry, str], None], name: str) -> None:
        """Resolve a recipe or suite in the domain; an error in all domains is raised."""
        plugin, errors = usable_plugin(self.plugin), []
        for registry in _trials(plugin) if plugin.domain == ANY else [_domain_of(plugin)]:
            try:
                resolve(registry, name)
            except SmaError as error:
                errors.append(error)
            else:
                return
        raise errors[0]


def _domain_of(plugin: InstalledPlugin) -> Registry:
    """Load the domain of an extension; skip when it is not installed."""
    try:
        usable_plugin(plugin.domain)
    except PluginError as error:
        skip(str(error))
    return Registry.load(plugin.domain, PluginPolicy(frozenset({plugin.domain})))


def _trials(plugin: InstalledPlugin) -> list[Registry]:
    """Return a domain of text and one of numbers, each with the parts of the plugin."""
    registries = []
    for kind in get_args(InputKind):
        loaded = load_alone(plugin)
        register(loaded.manager, _Trial(kind), TRIAL)
        loaded = replace(loaded, packages=loaded.packages | {TRIAL: "sma-kit"})
        registries.append(Registry(TRIAL, loaded, strict=True))
    return registries


class _Trial:
    """The hooks of a small domain."""

    def __init__(self, kind: InputKind) -> None:
        self.kind = kind

    @hookimpl
    def sma_domains(self) -> list[Domain]:
        """Provide the domain, whose rows are text or numbers."""
        text = self.kind == "discrete"
        return [
            Domain(
                name=TRIAL,
                summary="A domain to try extensions on",
                input_kind=self.kind,
                tokenizer="bytes" if text else None,
                reader="csv" if text else "table",
                dataset=TRIAL,
                task=TRIAL,
            )
        ]

    @hookimpl
    def sma_datasets(self) -> list[DataSet]:
        """Provide a set that is nowhere."""
        return [DataSet(name=TRIAL, summary="No rows", source="none", licence="none", file="trial.csv")]

    @hookimpl
    def sma_tasks(self) -> list[Task]:
        """Provide a task."""
        return [
            Task(name=TRIAL, summary="A number", dataset=TRIAL, targets=("y",), kind="regression", metric="rmse")
        ]
