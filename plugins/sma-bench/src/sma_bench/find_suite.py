"""Find suites: the user's own files, those that ship with a domain, and those that plugins add."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from sma_bench.suites import Suite, read_suite, task_cases
from sma_core.config.layers import dump, read_toml
from sma_core.errors import ConfigError, PluginError, UserError
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.method_specs import MaskingStrategy
from sma_core.plugins.registry import Registry
from sma_core.plugins.shipped_files import ShippedFiles
from sma_core.plugins.specs import ShippedSuite, Task
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
    return shipped_suite(registry, name), registry, name


def shipped_suite(registry: Registry, name: str) -> Suite:
    """Return a suite of the domain, or one that a plugin adds.

    Such a suite may leave out its domain, and its tasks for the domain's default task. Raises `UserError` when it
    does not exist, is for another domain, or names an arm or a task that the domain lacks.
    """
    where, files = f"{registry.name}:{name}", ShippedFiles.of(registry, ShippedSuite)
    if name not in files.names:
        raise UserError(f"the domain {registry.name!r} has no suite {name!r}: {files.near(name)}")
    with resources.as_file(files.file(name)) as path:
        suite = _over_defaults(path, registry, where)
    if suite.domain != registry.name:
        raise ConfigError(f"{where}: its domain is {suite.domain!r}, not {registry.name!r}")
    return _checked(suite, registry, where)


def _over_defaults(path: Path, registry: Registry, where: str) -> Suite:
    """Read a suite whose domain and tasks may be those of the registry's domain."""
    task = registry.domain.task
    if task is None and "tasks" not in read_toml(path):
        raise ConfigError(f"{where}: it names no tasks, and the domain {registry.name!r} has no default task")
    return read_suite(path, {"domain": registry.name} | ({"tasks": {task: {}}} if task else {}))


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
