"""Find suites: the user's own files, and those that ship with a domain."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from sma_bench.suites import Suite, read_suite
from sma_core.errors import UserError
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry


def find_suite(suite: str, policy: PluginPolicy | None = None) -> tuple[Suite, Registry, str]:
    """Return a suite, its domain's registry and its short name; raises `UserError` when it does not exist."""
    if suite.endswith(".toml"):
        own_suite = read_suite(Path(suite))
        return own_suite, Registry.load(own_suite.domain, policy), Path(suite).stem
    domain, colon, name = suite.partition(":")
    if not colon:
        raise UserError(f"{suite!r} is not a suite: pass a .toml file, or domain:name such as DOMAIN:{suite}")
    registry = Registry.load(domain, policy)
    names = suite_names(registry)
    if name not in names:
        available = f"it has {', '.join(names)}" if names else "it ships none"
        raise UserError(f"the domain {domain!r} has no suite {name!r}: {available}")
    with resources.as_file(resources.files(str(registry.domain.suites)).joinpath(f"{name}.toml")) as path:
        return read_suite(path), registry, name


def suite_names(registry: Registry) -> list[str]:
    """Return the suites that the domain ships, sorted."""
    if registry.domain.suites is None:
        return []
    folder = resources.files(registry.domain.suites)
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
