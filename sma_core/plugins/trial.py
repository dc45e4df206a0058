"""Try plugins in a process of their own: import one and call its hooks, import a command, or load a whole domain.

A plugin may hang, exit, crash or print: here it takes down nothing but the trial. The process is
``python -m sma_core.plugins.trial``; it writes what it found to a file, so nothing that is printed can spoil it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import dropwhile
from pathlib import Path
from typing import Any, Self

import pluggy

from sma_core import plugins
from sma_core.errors import IncompatiblePluginError
from sma_core.plugins.command_loading import build_command
from sma_core.plugins.commands import InstalledCommand
from sma_core.plugins.deprecation import PluginDeprecationWarning
from sma_core.plugins.discovery import InstalledPlugin, PluginPolicy, installed_plugins
from sma_core.plugins.loading import reason_of
from sma_core.plugins.registry import Registry, noun, specs_alone
from sma_core.plugins.specs import Domain, Spec

MOST_LINES = 40
"""Lines of a traceback that are kept, from its end."""
_SHOW = getattr(signal, "SIGUSR1", None)
"""The signal upon which a trial writes down where it is."""
_BEFORE_A_PLUGIN = tuple(str(Path(str(module.__file__)).parent) for module in (plugins, importlib, pluggy))


@dataclass(frozen=True)
class Part:
    """One thing a plugin gives: what it is, its name, and its line of summary."""

    kind: str
    name: str
    summary: str


@dataclass(frozen=True)
class Trial:
    """How a trial ended: why it failed (empty: it did not), where, and whether the version was the reason.

    Of a plugin that works: the version of the contract its domain was made for (None for an extension), the file
    of its entry module, what it gives, and what it uses that is deprecated.
    """

    reason: str = ""
    traceback: str = ""
    incompatible: bool = False
    api_version: str | None = None
    path: str | None = None
    parts: tuple[Part, ...] = ()
    deprecated: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what the process wrote; raises `ValueError` when it is not whole."""
        facts: dict[str, Any] = json.loads(text)
        parts = tuple(Part(**part) for part in facts.pop("parts"))
        return cls(**facts | {"parts": parts, "deprecated": tuple(facts["deprecated"])})


def try_plugin(plugin: InstalledPlugin, seconds: float) -> Trial:
    """Import one plugin and call its hooks, in a process that is ended after ``seconds``."""
    return _in_a_process([plugin.name, plugin.package], seconds)


def try_command(command: InstalledCommand, seconds: float) -> Trial:
    """Import what implements a command, in a process that is ended after ``seconds``."""
    return _in_a_process([command.line, command.reference, command.package], seconds)


def try_together(domain: str, seconds: float) -> Trial:
    """Load a domain with all plugins that add to it, in a process that is ended after ``seconds``."""
    return _in_a_process([domain], seconds)


def _in_a_process(names: list[str], seconds: float) -> Trial:
    """Run the trial of ``names``; output goes to a file, since a process left behind could keep a pipe open."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found, printed = Path(folder) / "found.json", Path(folder) / "printed"
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-P", "-X", "faulthandler", "-m", "sma_core.plugins.trial", str(found), *names]
        with printed.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                _ask_where(process)
                return Trial(f"importing it took longer than {seconds:g} s, and was ended", _tail(printed))
            finally:
                _end(process)
        try:
            return Trial.from_json(found.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return Trial(f"the process that imported it ended by itself, with status {status}", _tail(printed))


def _ask_where(process: subprocess.Popen[bytes]) -> None:
    """Let a process that hangs print where, and give it a moment for that."""
    if _SHOW is not None:
        process.send_signal(_SHOW)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)


def _tail(printed: Path) -> str:
    return "\n".join(printed.read_text(encoding="utf-8", errors="replace").splitlines()[-MOST_LINES:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and on POSIX those it started and left."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _attempt(names: list[str]) -> Trial:
    """Do the trial in this process."""
    try:
        if len(names) == 1:
            Registry.load(names[0], PluginPolicy(strict=True))
            return Trial()
        if len(names) == 3:
            return _tried_command(*names)
        installed = installed_plugins(PluginPolicy())
        plugin = next(plugin for plugin in installed if [plugin.name, plugin.package] == names)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", PluginDeprecationWarning)
            return _worked(plugin, specs_alone(plugin), caught)
    except BaseException as error:
        return Trial(reason_of(error, names[-1]), _traceback(error), isinstance(error, IncompatiblePluginError))


def _tried_command(line: str, reference: str, package: str) -> Trial:
    """Import and build a command; whatever is wrong with it is raised."""
    build_command(InstalledCommand(tuple(line.split(" ")[1:]), "", package, "", reference))
    return Trial(path=getattr(sys.modules.get(reference.partition(":")[0]), "__file__", None))


def _traceback(error: BaseException) -> str:
    """Return the traceback from where the plugin's own code begins, its last lines where it is long."""
    told = traceback.TracebackException.from_exception(error)
    own = dropwhile(lambda frame: frame.filename.startswith(("<frozen importlib", *_BEFORE_A_PLUGIN)), told.stack)
    told.stack = traceback.StackSummary.from_list(list(own))
    return "\n".join("".join(told.format()).splitlines()[-MOST_LINES:])


def _worked(plugin: InstalledPlugin, specs: Sequence[Spec], caught: Sequence[warnings.WarningMessage]) -> Trial:
    """Return what there is to say of a plugin that could be imported."""
    module = sys.modules.get(plugin.module.partition(":")[0])
    deprecated = (str(each.message) for each in caught if issubclass(each.category, PluginDeprecationWarning))
    return Trial(
        api_version=next((spec.api_version for spec in specs if isinstance(spec, Domain)), None),
        path=getattr(module, "__file__", None),
        parts=tuple(Part(noun(spec), spec.name, spec.summary) for spec in specs),
        deprecated=tuple(dict.fromkeys(deprecated)),
    )


def main() -> None:
    """Do the trial that the arguments name: a file for the result, then a plugin, a command or a domain."""
    if _SHOW is not None:
        faulthandler.register(_SHOW)
    file, *names = sys.argv[1:]
    found = _attempt(names)
    whole = Path(f"{file}.part")
    whole.write_text(json.dumps(asdict(found)), encoding="utf-8")
    whole.replace(file)
    os._exit(0)  # threads that the plugin has started must not keep us


if __name__ == "__main__":
    main()
