"""What to install when a plugin cannot find a module."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from sma_core.plugins import commands, discovery

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def missing_hint(error: BaseException, package: str | None = None) -> str:
    """Return what to say after ``error``, beginning with a semicolon; nothing when no module is missing.

    What the plugin's ``package`` requires and is not there is named as it requires it. Of a missing module of the
    plugin itself nothing is said: that package is to be mended or installed anew.
    """
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    module = error.name.partition(".")[0]
    if module in _own_modules(package) or find_spec(module) is not None:
        return ""
    absent = sorted(_absent(package))
    if absent:
        names = " and ".join(absent)
        return f"; {package} requires {names}: pip install {shlex.join(absent)}"
    return f"; install the package that has this module: pip install {module}, if it has the same name"


def _own_modules(package: str | None) -> set[str]:
    """Top-level names of the modules that the package's entry points name."""
    return {
        re.split(r"[.:]", entry.value)[0]
        for group in (discovery.GROUP, commands.GROUP)
        for entry in metadata.entry_points(group=group)
        if _is_of(entry, package)
    }


def _is_of(entry: metadata.EntryPoint, package: str | None) -> bool:
    return package is not None and entry.dist is not None and entry.dist.name == package


def _absent(package: str | None) -> Iterator[str]:
    """Requirements of the package that are not installed; those under a condition are passed over."""
    if package is None:
        return
    try:
        required = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return
    for requirement in required:
        name = _REQUIREMENT.match(requirement)
        if ";" in requirement or name is None:
            continue
        try:
            metadata.version(name[1])
        except metadata.PackageNotFoundError:
            yield requirement.replace(" ", "")
