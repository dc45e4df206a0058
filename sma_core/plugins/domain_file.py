"""A domain from one file, ``--domain ./mydomain.py``: to try an idea before it is a package.

The file is imported as a module of its own name, with its folder last on the path, so that references such as
``"mydomain:check"`` hold in worker processes too. A run keeps the file's whole path; only a file that the command
itself names is ever imported, so a run folder of somebody else's makes no code run.
"""

from __future__ import annotations

import importlib
import keyword
import shlex
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from sma_core.errors import PluginError
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.loading import (
    CORE,
    LoadedPlugins,
    add_plugins,
    core_manager,
    general_extensions,
    reason_of,
    register,
)
from sma_core.plugins.quiet import output_to_stderr

FILE = "file"
"""The name under which the hooks of the file are registered."""


def is_file(domain: str) -> bool:
    """Whether a domain is a Python file, not the name of a plugin."""
    return domain.endswith(".py")


def named(domain: str | None, policy: PluginPolicy | None = None) -> tuple[str | None, PluginPolicy]:
    """Return a domain that the user named, of a file its whole path, and a policy that allows that file."""
    policy = policy or PluginPolicy.from_environment()
    if domain is None or not is_file(domain):
        return domain, policy
    path = str(Path(domain).expanduser().resolve())
    return path, replace(policy, files=policy.files | {path})


def domain_option(domain: str) -> str:
    """Return what a command that uses a run must say besides: ``--domain FILE`` where its domain came from one."""
    return f" --domain {shlex.quote(domain)}" if is_file(domain) else ""


def same_domain(one: str, other: str) -> bool:
    """Whether two references mean one domain; files of one name do, for a run may be used on another machine."""
    both_files = is_file(one) and is_file(other)
    return one == other or (both_files and Path(one).name == Path(other).name)


def moved(path: Path, policy: PluginPolicy) -> Path:
    """Return the file that the command names in place of ``path``, where that is not there; else ``path``."""
    if path.is_file():
        return path
    return next((Path(file) for file in sorted(policy.files) if Path(file).name == path.name), path)


def load_file(path: Path, policy: PluginPolicy) -> LoadedPlugins:
    """Import the file, register its hooks under the name ``file``, and add the extensions of every domain.

    Raises `PluginError` when plugins are switched off, the file is missing or broken, its name is that of another
    module, or the command did not name it.
    """
    if policy.allowed == frozenset():
        raise PluginError(f"the domain of the file {path} is switched off by SMA_PLUGINS or --no-plugins")
    if not path.is_file():
        raise PluginError(
            f"the file {path}, which the domain comes from, is not there: put it back, or name it where it is now "
            "with --domain"
        )
    if str(path) not in policy.files:
        raise PluginError(
            f"the domain comes from the file {path}, which is run only when the command names it: add "
            f"--domain {shlex.quote(str(path))}"
        )
    try:
        module = _import(path)
        manager = core_manager()
        register(manager, module, FILE)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"the file {path} cannot be used as a domain: {reason_of(error)}") from error
    loaded = LoadedPlugins(manager, {"core": CORE, FILE: f"the file {path.name}"}, ())
    return add_plugins(loaded, general_extensions(policy), policy)


def _import(path: Path) -> ModuleType:
    """Import the file by its name; raises `PluginError` when that name cannot be had."""
    name = path.stem
    if not name.isidentifier() or keyword.iskeyword(name):
        raise PluginError(f"{name!r} cannot be the name of a module: rename the file, such as my_domain.py")
    there = sys.modules.get(name)
    spec = there.__spec__ if there is not None else find_spec(name)
    if spec is not None and (spec.origin is None or Path(spec.origin).resolve() != path):
        raise PluginError(f"another module has the name {name!r} already: rename the file, such as my_{name}.py")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    with output_to_stderr():
        return importlib.import_module(name)
