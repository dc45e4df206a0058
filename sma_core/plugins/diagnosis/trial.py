"""Import a plugin, a command or a whole domain in a separate process, and report how it went.

A plugin that hangs, exits, crashes or prints affects only that process. It runs this module with ``python -m``,
which writes its result to a file, so printed output cannot corrupt it.
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
from sma_core.children import child_command, child_environment, end_with_parent
from sma_core.errors import IncompatiblePluginError
from sma_core.plugins.api_version import PluginDeprecationWarning
from sma_core.plugins.commands.command_list import InstalledCommand
from sma_core.plugins.commands.command_loading import build_command
from sma_core.plugins.discovery import InstalledPlugin, PluginPolicy, installed_plugins
from sma_core.plugins.loading import reason_of
from sma_core.plugins.registry import Registry, noun, specs_alone
from sma_core.plugins.shipped_files import ShippedFiles
from sma_core.plugins.specs import Domain, ShippedRecipe, ShippedSuite, Spec

MODULE = "sma_core.plugins.diagnosis.trial"
"""This module, as another process runs it."""
MAX_LINES = 40
"""Number of lines kept from the end of a traceback."""
_SHOW = getattr(signal, "SIGUSR1", None)
"""Signal that makes a trial print its current traceback."""
_BEFORE_A_PLUGIN = tuple(str(Path(str(module.__file__)).parent) for module in (plugins, importlib, pluggy))


@dataclass(frozen=True)
class PluginPart:
    """One part of a plugin: its kind, its name and its one-line summary."""

    kind: str
    name: str
    summary: str


@dataclass(frozen=True)
class TrialResult:
    """Result of a trial: the reason of a failure (empty on success), its traceback, and whether versions mismatch.

    On success: the plugin API version its domain was made for (None for an extension), the file of its entry
    module, its parts, and messages about deprecated features that it uses.
    """

    reason: str = ""
    traceback: str = ""
    incompatible: bool = False
    api_version: str | None = None
    path: str | None = None
    parts: tuple[PluginPart, ...] = ()
    deprecated: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse the result written by the process; raises `ValueError` when it is incomplete."""
        facts: dict[str, Any] = json.loads(text)
        parts = tuple(PluginPart(**part) for part in facts.pop("parts"))
        return cls(**facts | {"parts": parts, "deprecated": tuple(facts["deprecated"])})


def try_plugin(plugin: InstalledPlugin, seconds: float) -> TrialResult:
    """Import one plugin and call its hooks in a separate process, with a time limit of ``seconds``."""
    return _in_a_process([plugin.name, plugin.package], seconds)


def try_command(command: InstalledCommand, seconds: float) -> TrialResult:
    """Import a command in a separate process, with a time limit of ``seconds``."""
    return _in_a_process([command.line, command.reference, command.package], seconds)


def try_together(domain: str, seconds: float) -> TrialResult:
    """Load a domain and all its extensions in a separate process, with a time limit of ``seconds``."""
    return _in_a_process([domain], seconds)


def _in_a_process(names: list[str], seconds: float) -> TrialResult:
    """Run the trial of ``names``; output goes to a file because an orphaned process could keep a pipe open."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        result, printed = Path(folder) / "result.json", Path(folder) / "printed"
        environment = child_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
        command = child_command("-X", "faulthandler", "-m", MODULE, str(result), *names)
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
                _request_traceback(process)
                return TrialResult(f"importing it took longer than {seconds:g} s and was stopped", _tail(printed))
            finally:
                _kill(process)
        try:
            return TrialResult.from_json(result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return TrialResult(f"importing it ended the process with status {status}", _tail(printed))


def _request_traceback(process: subprocess.Popen[bytes]) -> None:
    """Make a hanging process print its traceback, and wait up to half a second for it."""
    if _SHOW is not None:
        process.send_signal(_SHOW)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)


def _tail(printed: Path) -> str:
    return "\n".join(printed.read_text(encoding="utf-8", errors="replace").splitlines()[-MAX_LINES:])


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process, and on POSIX also the processes that it started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _attempt(names: list[str]) -> TrialResult:
    """Run the trial in this process."""
    try:
        if len(names) == 1:
            registry = Registry.load(names[0], PluginPolicy(strict=True))
            ShippedFiles.of(registry, ShippedRecipe)
            ShippedFiles.of(registry, ShippedSuite)
            return TrialResult()
        if len(names) == 3:
            return _tried_command(*names)
        installed = installed_plugins(PluginPolicy())
        plugin = next(plugin for plugin in installed if [plugin.name, plugin.package] == names)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", PluginDeprecationWarning)
            return _worked(plugin, specs_alone(plugin), caught)
    except BaseException as error:
        return TrialResult(
            reason_of(error, names[-1]), _traceback(error), isinstance(error, IncompatiblePluginError)
        )


def _tried_command(line: str, reference: str, package: str) -> TrialResult:
    """Import and build a command; errors propagate."""
    build_command(InstalledCommand(tuple(line.split(" ")[1:]), "", package, "", reference))
    return TrialResult(path=getattr(sys.modules.get(reference.partition(":")[0]), "__file__", None))


def _traceback(error: BaseException) -> str:
    """Return the traceback starting at the plugin's own code, at most its last `MAX_LINES` lines."""
    formatted = traceback.TracebackException.from_exception(error)
    frames = dropwhile(
        lambda frame: frame.filename.startswith(("<frozen importlib", *_BEFORE_A_PLUGIN)), formatted.stack
    )
    formatted.stack = traceback.StackSummary.from_list(list(frames))
    return "\n".join("".join(formatted.format()).splitlines()[-MAX_LINES:])


def _worked(
    plugin: InstalledPlugin, specs: Sequence[Spec], caught: Sequence[warnings.WarningMessage]
) -> TrialResult:
    """Return the trial of a plugin that was imported successfully."""
    module = sys.modules.get(plugin.module.partition(":")[0])
    deprecated = (str(item.message) for item in caught if issubclass(item.category, PluginDeprecationWarning))
    return TrialResult(
        api_version=next((spec.api_version for spec in specs if isinstance(spec, Domain)), None),
        path=getattr(module, "__file__", None),
        parts=tuple(PluginPart(noun(spec), spec.name, spec.summary) for spec in specs),
        deprecated=tuple(dict.fromkeys(deprecated)),
    )


def main() -> None:
    """Run the trial named by the arguments: a file for the result, then a plugin, a command or a domain."""
    end_with_parent()
    if _SHOW is not None:
        faulthandler.register(_SHOW)
    file, *names = sys.argv[1:]
    trial = _attempt(names)
    partial = Path(f"{file}.part")
    partial.write_text(json.dumps(asdict(trial)), encoding="utf-8")
    partial.replace(file)
    os._exit(0)  # do not wait for threads that the plugin started


if __name__ == "__main__":
    main()
