"""Import what plugins name: resolve references, keep stdout clean, and say what to install."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shlex
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from sma_core.errors import PluginError
from sma_core.plugins import discovery
from sma_core.plugins.commands import command_list as commands

_STDOUT, _STDERR = 1, 2
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def resolve(reference: str, needed_by: str) -> Any:  # noqa: ANN401 - a reference may name anything
    """Import the object that ``reference``, a string ``"package.module:attribute"``, names.

    ``needed_by`` (for example ``"tokenizer 'bytes'"``) begins the error message. Raises `PluginError` when the
    reference is malformed, its module cannot be imported, or the module has no such attribute.
    """
    module_name, colon, attribute = reference.partition(":")
    if not colon or not module_name or not attribute:
        raise PluginError(f"{needed_by} names {reference!r}; it must look like 'package.module:attribute'")
    try:
        with output_to_stderr():
            value: Any = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        reason = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        reason += missing_hint(error)
        raise PluginError(f"{needed_by} needs {reference!r}, which cannot be imported: {reason}") from error
    try:
        for part in attribute.split("."):
            value = getattr(value, part)
    except AttributeError as error:
        raise PluginError(f"{needed_by} needs {reference!r}, which does not exist: {error}") from error
    return value


@contextlib.contextmanager
def output_to_stderr() -> Iterator[None]:
    """Redirect stdout to stderr, since stdout is reserved for results of commands.

    This covers Python's ``sys.stdout`` and anything that writes to file descriptor 1. It affects the whole
    process, so use it only while importing or calling a plugin.
    """
    with contextlib.redirect_stdout(sys.stderr), contextlib.ExitStack() as cleanup:
        with contextlib.suppress(OSError, ValueError):  # either stream may be closed
            if sys.__stdout__ is not None:
                sys.__stdout__.flush()
            saved = os.dup(_STDOUT)
            cleanup.callback(_restore_stdout, saved)
            os.dup2(_STDERR, _STDOUT)
        yield


def _restore_stdout(saved: int) -> None:
    os.dup2(saved, _STDOUT)
    os.close(saved)


def missing_hint(error: BaseException, package: str | None = None) -> str:
    """Return a hint on what to install, to append to the message of ``error``; it begins with a semicolon.

    Requirements of ``package`` that are not installed are listed as the package declares them. The hint is empty
    unless ``error`` reports a missing module, and when that module belongs to ``package`` itself.
    """
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    module = error.name.partition(".")[0]
    if module in _entry_modules(package) or find_spec(module) is not None:
        return ""
    missing = sorted(_missing_requirements(package))
    if missing:
        names = " and ".join(missing)
        return f"; {package} requires {names}: pip install {shlex.join(missing)}"
    return f"; install the package that has this module: pip install {module}, if it has the same name"


def _entry_modules(package: str | None) -> set[str]:
    """Return the top-level modules that the package's entry points name."""
    return {
        re.split(r"[.:]", entry.value)[0]
        for group in (discovery.GROUP, commands.GROUP)
        for entry in metadata.entry_points(group=group)
        if package is not None and entry.dist is not None and entry.dist.name == package
    }


def _missing_requirements(package: str | None) -> Iterator[str]:
    """Yield requirements of the package that are not installed; conditional requirements are skipped."""
    if package is None:
        return
    try:
        requirements = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return
    for requirement in requirements:
        name = _REQUIREMENT.match(requirement)
        if ";" in requirement or name is None:
            continue
        try:
            metadata.version(name[1])
        except metadata.PackageNotFoundError:
            yield requirement.replace(" ", "")
