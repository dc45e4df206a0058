"""Record the packages of a run, and report which have changed when one of its parts is missing."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sma_core.errors import PluginError
from sma_core.plugins.discovery import InstalledPlugin, PluginPolicy, installed_plugins
from sma_core.plugins.domain_file import is_file
from sma_core.plugins.loading import CORE
from sma_core.plugins.registry import Registry
from sma_core.runs.record import DomainRecord, RunRecord


def origin_of(registry: Registry) -> dict[str, Any]:
    """Return the entries ``domain`` and ``plugins`` of `RunRecord`.

    The domain's name is an absolute path when it came from a file.
    """
    broken = {failure.plugin.name for failure in registry.broken}
    packages = registry.packages.items()
    used = {name: package for name, package in packages if package != CORE and name not in broken}
    domain = DomainRecord(name=registry.reference, package=registry.provider(registry.domain))
    return {"domain": domain, "plugins": used}


@contextlib.contextmanager
def explain_missing_parts(
    run: Path | None, record: RunRecord | None, policy: PluginPolicy | None = None
) -> Iterator[None]:
    """Add to a `PluginError` of the block which plugin versions differ from the run's.

    When the domain's package is not installed, that alone is the message. Without a record nothing is added.
    """
    try:
        yield
    except PluginError as error:
        if record is None:
            raise
        installed = {plugin.name: plugin for plugin in installed_plugins(policy)}
        changed = dict(_changed(record, installed))
        if not changed:
            raise
        sentence = f"{run} was made with {' and with '.join(changed.values())}"
        is_missing = record.domain.name in changed.keys() - installed.keys()
        raise type(error)(sentence if is_missing else f"{error}; {sentence}") from error


def _changed(record: RunRecord, installed: Mapping[str, InstalledPlugin]) -> Iterator[tuple[str, str]]:
    """Yield name and remedy of each plugin of a run that is missing or has another version."""
    if is_file(record.domain.name):
        return
    # Runs of early versions, which did not record extensions, name the package of their domain only.
    recorded = {record.domain.name: record.domain.package} | record.plugins
    for name, provider in recorded.items():
        package, _, version = provider.rpartition(" ")
        current = installed.get(name)
        if current is None:
            yield name, f"{provider}, which is not installed: {_install(package, version)}"
        elif (current.package, current.version) != (package, version):
            yield (
                name,
                f"{provider}, but {current.package} {current.version} is installed: {_install(package, version)}",
            )


def _install(package: str, version: str) -> str:
    return f"pip install {shlex.quote(f'{package}=={version}')}"
