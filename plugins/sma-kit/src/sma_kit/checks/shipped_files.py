"""Contract checks of the files that a domain ships: recipes, suites and pre-trained models."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from sma_core.plugins.imports import resolve
from sma_core.plugins.registry import Registry
from sma_core.plugins.shipped_files import ShippedFiles
from sma_core.plugins.specs import DataSet, ShippedModel, ShippedRecipe, ShippedSuite, Splitter, Task
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail, skip

RECIPES = ("tiny", "small", "paper")


class ShippedChecks(Subject):
    """Checks of recipes, suites and models."""

    def test_recipes_are_complete_settings(self) -> None:
        """The recipes tiny, small and paper ship and are complete for pre-training and every task."""
        registry = self._registry()
        with explained("recipes of the Domain spec must name a package with .toml files"):
            files = ShippedFiles.of(registry, ShippedRecipe)
        missing = [name for name in RECIPES if name not in files.names]
        if missing:
            fail(f"add the recipe {missing[0]}.toml to {files.package}: {', '.join(RECIPES)} are needed")
        for name in files.names:
            with explained(f"fix the recipe {files.origin(name)}"):
                resolve_recipe(registry, name)

    def test_suites_name_what_exists(self) -> None:
        """Suites are valid, belong to this domain, and name existing tasks, recipes and functions."""
        registry = self._registry()
        if find_spec("sma_bench") is None:
            skip("sma-bench, which reads suites, is not installed")
        with explained("suites of the Domain spec must name a package with .toml files"):
            files = ShippedFiles.of(registry, ShippedSuite)
        for name in files.names:
            with explained(f"fix the suite {files.origin(name)}"):
                resolve_suite(registry, name)

    def test_models_are_usable_and_have_a_card(self) -> None:
        """Each model that ships is a pre-trained run of this domain that loads, with a model card."""
        registry = self._registry()
        models = registry.specs(ShippedModel)
        if not models:
            skip("the plugin ships no models")
        for spec in models:
            with explained(f"fix the model {spec.name!r}: write it with sma models pack"):
                _load_model(registry, spec)


def _load_model(registry: Registry, spec: ShippedModel) -> None:
    """Load a shipped model; raises when it is not a pre-trained run of this domain, or has no card."""
    from sma_core.models.loaded_run import LoadedRun
    from sma_core.runs.shipped_models import read_model_card

    name = f"{registry.name}:{spec.name}"
    record = LoadedRun.load(Path(name), "cpu").record
    if record.is_finetuned or record.domain.name != registry.name:
        raise ValueError(f"it is a run of sma {record.verb} on the domain {record.domain.name!r}")
    if not read_model_card(name).strip():
        raise ValueError("its model card is empty")


def resolve_recipe(registry: Registry, name: str) -> None:
    """Resolve a recipe for both verbs and every task; raises when it names missing parts."""
    from sma_core.runs.recipes import read_recipe
    from sma_core.runs.settings import Request, finetune_settings, pretrain_settings

    source = pretrain_settings(registry, Request(name)).config.data.source
    if source is not None:
        registry.find(DataSet, source)
    for recipe in read_recipe(registry, name):
        for name_of_task in recipe.tasks:
            registry.find(Task, name_of_task)
    for task in [None, *(spec.name for spec in registry.specs(Task))]:
        config = finetune_settings(registry, Request(name, settings={"task": task} if task else {})).config
        if config.split.name is not None:
            registry.find(Splitter, config.split.name)


def resolve_suite(registry: Registry, name: str) -> None:
    """Resolve every cell of a suite; raises when a setting, task, data set or function is missing."""
    from sma_bench.cells import Pretraining, cells
    from sma_bench.find_suite import shipped_suite
    from sma_core.runs.settings import Request, finetune_settings, pretrain_settings

    suite = shipped_suite(registry, name)
    for cell in cells(suite):
        registry.find(Task, cell.case.task)
        if cell.baseline is not None:
            resolve(cell.baseline, f"the suite {name!r}")
        finetune_settings(registry, Request(suite.recipe, settings={**cell.settings, "task": cell.case.task}))
        if isinstance(cell.start, Pretraining):
            source = pretrain_settings(
                registry, Request(suite.recipe, settings=cell.start.settings)
            ).config.data.source
            if source is not None:
                registry.find(DataSet, source)
