"""Which packages a run was made with, and what has become of them when one of its parts cannot be found."""

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
    """Return the entries of `RunRecord` for the domain, and for all plugins that serve it with their packages.

    The domain's name is an absolute path where it came from one file.
    """
    broken = {failure.plugin.name for failure in registry.broken}
    used = {name: made for name, made in registry.packages.items() if made != CORE and name not in broken}
    domain = DomainRecord(name=registry.reference, package=registry.provider(registry.domain))
    return {"domain": domain, "plugins": used}


@contextlib.contextmanager
def explain_missing_parts(
    run: Path | None, record: RunRecord | None, policy: PluginPolicy | None = None
) -> Iterator[None]:
    """Add to a `PluginError` of the block which plugin versions differ from those that the run was made with.

    Where the domain's package is no longer installed, that alone is the message. Without a run nothing is added.
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
        gone = record.domain.name in changed.keys() - installed.keys()
        raise type(error)(sentence if gone else f"{error}; {sentence}") from error


def _changed(record: RunRecord, installed: Mapping[str, InstalledPlugin]) -> Iterator[tuple[str, str]]:
    """Yield the plugins of a run that are missing or have another version now, and what to do about each."""
    if is_file(record.domain.name):
        return
    # Runs of early versions, which did not record extensions, name the package of their domain only.
    made = {record.domain.name: record.domain.package} | record.plugins
    for name, provider in made.items():
        package, _, version = provider.rpartition(" ")
        now = installed.get(name)
        if now is None:
            yield name, f"{provider}, which is not installed: {_install(package, version)}"
        elif (now.package, now.version) != (package, version):
            yield name, f"{provider}, and there is {now.package} {now.version} now: {_install(package, version)}"


def _install(package: str, version: str) -> str:
    return f"pip install {shlex.quote(f'{package}=={version}')}"
