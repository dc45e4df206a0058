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


def plugin_facts(registry: Registry) -> dict[str, Any]:
    """Return what a run's folder says of the plugins that were used: name -> package and version."""
    left_out = {broken.plugin.name for broken in registry.broken}
    used = {name: made for name, made in registry.packages.items() if made != CORE and name not in left_out}
    return {"plugins": used}


@contextlib.contextmanager
def parts_of(
    run: Path | None, facts: Mapping[str, Any] | None, policy: PluginPolicy | None = None
) -> Iterator[None]:
    """Find parts that the ``model.json`` of a run names; a `PluginError` then says what is not as it was.

    Where the domain's package is gone, that is the whole sentence; else it is added to what went wrong. Without a
    run, nothing is.
    """
    try:
        yield
    except PluginError as error:
        if facts is None:
            raise
        installed = {plugin.name: plugin for plugin in installed_plugins(policy)}
        changed = dict(_changed(facts, installed))
        if not changed:
            raise
        sentence = f"{run} was made with {' and with '.join(changed.values())}"
        gone = facts["domain"]["name"] in changed.keys() - installed.keys()
        raise type(error)(sentence if gone else f"{error}; {sentence}") from error


def _changed(facts: Mapping[str, Any], installed: Mapping[str, InstalledPlugin]) -> Iterator[tuple[str, str]]:
    """Yield the plugins of a run that are gone or of another version now, and what to do about each."""
    domain = facts["domain"]
    if is_file(domain["name"]):
        return
    # Runs from before extensions were recorded name the package of their domain only.
    made = {domain["name"]: domain["package"]} | facts.get("plugins", {})
    for name, provider in made.items():
        package, _, version = provider.rpartition(" ")
        now = installed.get(name)
        if now is None:
            yield name, f"{provider}, which is not installed: {_install(package, version)}"
        elif (now.package, now.version) != (package, version):
            yield name, f"{provider}, and there is {now.package} {now.version} now: {_install(package, version)}"


def _install(package: str, version: str) -> str:
    return f"pip install {shlex.quote(f'{package}=={version}')}"
