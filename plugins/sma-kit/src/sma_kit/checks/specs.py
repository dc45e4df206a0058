"""Contract checks of a plugin's entry point, imports and specs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sma_core.errors import PluginError
from sma_core.plugins.discovery import InstalledPlugin, installed_plugins
from sma_core.plugins.domain_file import is_file
from sma_core.plugins.imports import resolve
from sma_core.plugins.specs import DataSet, Head, Spec, Splitter, Task, Tokenizer
from sma_kit.checks import parts
from sma_kit.subject import Subject, policy_for
from sma_kit.verdicts import explained, fail, needs_missing_package, skip


class ReferenceChecks(Subject):
    """Checks of the references, docstrings and summaries of all specs."""

    def test_every_reference_resolves(self) -> None:
        """Every reference package.module:attribute in the specs exists and is callable."""
        resolved = _Resolved(self._plugin_specs())
        for spec, field, _, value in resolved:
            if not callable(value):
                fail(f"{field} of the {type(spec).__name__} {spec.name!r} must name a function or class")
        resolved.skip_omitted()

    def test_every_reference_has_a_docstring(self) -> None:
        """Every function and class that the specs refer to has a docstring."""
        resolved = _Resolved(self._plugin_specs())
        for spec, field, reference, value in resolved:
            if not (inspect.getdoc(value) or "").strip():
                fail(
                    f"{reference}, the {field} of the {type(spec).__name__} {spec.name!r}, needs a docstring: "
                    "one line that describes it"
                )
        resolved.skip_omitted()

    def test_summaries_tell_something(self) -> None:
        """Every spec has a summary that says more than its name."""
        for spec in self._plugin_specs():
            if spec.summary.strip().lower().rstrip(".") in ("", spec.name, "todo"):
                fail(f"the summary of the {type(spec).__name__} {spec.name!r} must say what it is in one line")


class SpecChecks(ReferenceChecks):
    """Checks of the entry point, what it imports, and the names in the specs."""

    def test_entry_point_is_installed_under_the_domains_name(self) -> None:
        """The group sma.plugins has a usable entry point with the domain's name."""
        if is_file(self.domain):
            skip("a domain in one file needs no entry point")
        own = self._entry_point()
        if own is None:
            fail(
                f"no installed package has an entry point {self.domain!r} in the group 'sma.plugins': add it to "
                '[project.entry-points."sma.plugins"] in the plugin\'s pyproject.toml and install it again'
            )
        if own.status != "installed":
            fail(f"the entry point {self.domain!r} of {own.package} is not usable: {own.detail}")

    def test_entry_module_imports_nothing_heavy(self) -> None:
        """Importing the entry module and calling its hooks imports no third-party package."""
        if is_file(self.domain):
            skip("a domain in one file is imported only by commands that name it")
        own = self._entry_point()
        if own is None:
            skip("the plugin is not installed")
        with explained(f"importing {own.module} and calling its hooks must work on its own"):
            heavy = sorted(set(parts.imported_by(own.module)) - set(self.allowed_imports))
        if heavy:
            fail(
                f"importing {own.module} also imports {', '.join(heavy)}: move the code that needs it to another "
                'module and refer to it, as in factory="package.module:function"'
            )

    def test_domain_names_parts_that_exist(self) -> None:
        """The parts named in the Domain spec exist in this plugin or in the core."""
        registry = self._registry()
        domain = registry.domain
        named: list[tuple[str, type[Spec], str | None]] = [
            ("tokenizer", Tokenizer, domain.tokenizer),
            ("dataset", DataSet, domain.dataset),
            ("head", Head, domain.head),
            ("task", Task, domain.task),
            ("splitter", Splitter, domain.splitter),
        ]
        for field, kind, name in named:
            if name is not None:
                with explained(f"change {field}={name!r} of the Domain spec, or add that {kind.__name__}"):
                    registry.find(kind, name)
        with explained(f"change reader={domain.reader!r} of the Domain spec, or add that Reader"):
            registry.reader_for(Path(), domain.reader)

    def test_tasks_name_parts_that_exist(self) -> None:
        """Every task has targets, and a data set, splitter and metric that exist."""
        from sma_core.evaluation.metric_set import MetricSet
        from sma_core.training.finetuning.label_checks import check_columns

        registry = self._registry()
        for task in registry.specs(Task):
            with explained(f"fix the Task {task.name!r}"):
                registry.find(DataSet, task.dataset)
                registry.find(Splitter, task.splitter)
                MetricSet.of(registry, task.kind).find(task.metric)
                check_columns(task.targets, task.kind)
            if not task.targets or len(set(task.targets)) < len(task.targets):
                fail(f"the Task {task.name!r} must name one or more different target columns in targets")

    def _entry_point(self) -> InstalledPlugin | None:
        plugins = installed_plugins(policy_for(self.domain))
        return next((plugin for plugin in plugins if plugin.name == self.domain), None)


class _Resolved:
    """What the references of specs name; those that need a package that is not installed are omitted."""

    def __init__(self, specs: list[Spec]) -> None:
        self._specs = specs
        self._omitted: list[str] = []

    def __iter__(self) -> Iterator[tuple[Spec, str, str, Any]]:
        """Yield spec, field, reference and the object it names."""
        for spec in self._specs:
            for field, reference in spec.references.items():
                with explained(f"fix {field} of the {type(spec).__name__} {spec.name!r}"):
                    try:
                        value = resolve(reference, f"{type(spec).__name__} {spec.name!r}")
                    except PluginError as error:
                        package = needs_missing_package(error)
                        if package is None:
                            raise
                        self._omitted.append(f"{reference} needs {package}")
                        continue
                yield spec, field, reference, value

    def skip_omitted(self) -> None:
        """Skip the check when references were omitted, and say which."""
        if self._omitted:
            skip(f"{'; '.join(self._omitted)}, which is not installed: all other references are good")
