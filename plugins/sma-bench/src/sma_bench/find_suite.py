"""Find suites: the user's own files, and those that ship with a domain."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from sma_bench.suites import Suite, read_suite, task_cases
from sma_core.config.layers import dump
from sma_core.errors import ConfigError, PluginError, UserError
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.method_specs import MaskingStrategy
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Task
from sma_core.urls import without_secrets


def find_suite(suite: str, policy: PluginPolicy | None = None) -> tuple[Suite, Registry, str]:
    """Return a suite, its domain's registry and its short name.

    Raises `UserError` when it does not exist, or names an arm or a task that the domain lacks.
    """
    if suite.endswith(".toml"):
        path = as_path(suite)
        own_suite = read_suite(path)
        registry = Registry.load(own_suite.domain, policy)
        return _checked(own_suite, registry, suite), registry, path.stem
    domain, colon, name = suite.partition(":")
    if not colon:
        raise UserError(f"{suite!r} is not a suite: pass a .toml file, or domain:name such as DOMAIN:{suite}")
    registry = Registry.load(domain, policy)
    names = suite_names(registry)
    if name not in names:
        available = f"it has {', '.join(names)}" if names else "it ships none"
        raise UserError(f"the domain {domain!r} has no suite {name!r}: {available}")
    with resources.as_file(resources.files(str(registry.domain.suites)).joinpath(f"{name}.toml")) as path:
        return _checked(read_suite(path), registry, suite), registry, name


def _checked(suite: Suite, registry: Registry, where: str) -> Suite:
    """Return the suite.

    Raises `ConfigError` when an arm is no masking strategy, a task is unknown, or a URL has secrets.
    """
    if any(without_secrets(text) != text for text in _texts(dump(suite))):
        raise ConfigError(
            f"{where}: a URL in it has a password or query, which would be written to the suite's folder: "
            "download that file first"
        )
    for arm in suite.pretrained_arms:
        try:
            registry.find(MaskingStrategy, arm)
        except PluginError as error:
            raise ConfigError(
                f"{where}: the arm {arm!r} is neither none nor a masking strategy, and {error}"
            ) from error
    for case in task_cases(suite):
        try:
            registry.find(Task, case.task)
        except PluginError as error:
            raise ConfigError(f"{where}: {error}") from error
    return suite


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in nested settings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def suite_names(registry: Registry) -> list[str]:
    """Return the suites that the domain ships, sorted."""
    if registry.domain.suites is None:
        return []
    folder = resources.files(registry.domain.suites)
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
