"""Use a single Python file as a domain, ``--domain ./mydomain.py``, without making a package.

The file is imported under its own name with its folder appended to ``sys.path``, so references such as
``"mydomain:check"`` also work in worker processes. A run records the file's absolute path, but only a file named
on the command line is imported, so opening someone else's run folder never executes code.
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
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.imports import output_to_stderr
from sma_core.plugins.loading import (
    CORE,
    LoadedPlugins,
    add_plugins,
    core_manager,
    general_extensions,
    reason_of,
    register,
)

FILE = "file"
"""Name under which the file's hooks are registered."""


def is_file(domain: str) -> bool:
    """Whether a domain is a Python file rather than the name of a plugin."""
    return domain.endswith(".py")


def named(domain: str | None, policy: PluginPolicy | None = None) -> tuple[str | None, PluginPolicy]:
    """Return the domain with a file made absolute, and a policy that allows importing that file."""
    policy = policy or PluginPolicy.from_environment()
    if domain is None or not is_file(domain):
        return domain, policy
    path = str(as_path(as_path(domain).resolve()))
    return path, replace(policy, files=policy.files | {path})


def domain_option(domain: str) -> str:
    """Return the extra option that commands need for a run whose domain is a file: ``--domain FILE``."""
    return f" --domain {shlex.quote(domain)}" if is_file(domain) else ""


def same_domain(one: str, other: str) -> bool:
    """Whether two references mean the same domain; files match by name, so a run can move to another machine."""
    both_files = is_file(one) and is_file(other)
    return one == other or (both_files and Path(one).name == Path(other).name)


def moved(path: Path, policy: PluginPolicy) -> Path:
    """Return ``path``, or when it does not exist the file of the same name given on the command line."""
    if path.is_file():
        return path
    return next((Path(file) for file in sorted(policy.files) if Path(file).name == path.name), path)


def load_file(path: Path, policy: PluginPolicy) -> LoadedPlugins:
    """Import the file, register its hooks under the name ``file``, and add the general extensions.

    Raises `PluginError` when plugins are disabled, the file is missing or broken, its name clashes with another
    module, or it was not named on the command line.
    """
    if policy.allowed == frozenset():
        raise PluginError(f"the domain of the file {path} is disabled by SMA_PLUGINS or --no-plugins")
    if not path.is_file():
        raise PluginError(
            f"the domain's file {path} does not exist: restore it, or pass its new place with `domain`"
        )
    if str(path) not in policy.files:
        raise PluginError(
            f"the domain is defined in the file {path}, which is imported only when you name it: add "
            f"`domain={shlex.quote(str(path))}`"
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
    """Import the file as a module; raises `PluginError` when its name is unusable or taken."""
    name = path.stem
    if not name.isidentifier() or keyword.iskeyword(name):
        raise PluginError(f"{name!r} is not a valid module name: rename the file, for example to my_domain.py")
    loaded = sys.modules.get(name)
    spec = loaded.__spec__ if loaded is not None else find_spec(name)
    if spec is not None and (spec.origin is None or Path(spec.origin).resolve() != path):
        raise PluginError(
            f"another module is already named {name!r}: rename the file, for example to my_{name}.py"
        )
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    with output_to_stderr():
        return importlib.import_module(name)
