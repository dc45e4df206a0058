"""`check_plugin`: run the contract tests on an installed plugin, a project folder, or a domain in one file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sma_core.children import child_command, child_environment
from sma_core.errors import PluginError, UserError
from sma_core.paths import as_path
from sma_core.plugins.discovery import GROUP, PluginPolicy, installed_plugins
from sma_core.plugins.domain_file import is_file, named
from sma_core.plugins.loading import usable_plugin
from sma_core.plugins.registry import Registry


@dataclass(frozen=True)
class Check:
    """One check: its name, the outcome ``passed``, ``failed`` or ``skipped``, and the reason."""

    name: str
    outcome: str
    sentence: str


@dataclass(frozen=True)
class CheckReport:
    """All checks of a plugin, in order; ``project`` is the checked folder or file, or None if it is installed."""

    plugin: str
    project: Path | None
    checks: tuple[Check, ...]

    def count(self, outcome: str) -> int:
        """Return the number of checks with this outcome."""
        return sum(check.outcome == outcome for check in self.checks)


@dataclass(frozen=True)
class _Subject:
    """What is checked: its name, the name by which the checks find it, and the project's folder."""

    plugin: str
    reference: str
    project: Path | None = None


def check_plugin(
    target: str, policy: PluginPolicy | None = None, *, data: str | Path | None = None
) -> CheckReport:
    """Run the checks of `sma_kit.DomainContract`, or `ExtensionContract`, in a separate process.

    Args:
        target: An installed plugin; a project folder, which need not be installed; or a Python file that defines
            a domain.
        policy: Which plugins may be used; None reads the environment.
        data: A file of rows to check an installed domain or a Python file with, in the domain's usual format.
            None: the domain's own sample.

    Raises:
        PluginError: The plugin is not installed, the folder is not a plugin project, or the file does not define
            a domain.
        UserError: pytest is not installed, ``data`` does not exist or does not apply, or the checks could not be
            run.
    """
    subject = _subject(target, policy)
    if data is not None:
        _check_data(subject, data := as_path(data).resolve())
    if find_spec("pytest") is None:
        raise UserError("the checks need pytest: pip install pytest")
    place = Path(subject.reference) if is_file(subject.reference) else subject.project
    return CheckReport(subject.plugin, place, _run(subject, data))


def _subject(target: str, policy: PluginPolicy | None) -> _Subject:
    if is_file(target):
        if not as_path(target).is_file():
            raise PluginError(f"there is no file {target}; check the path")
        path, policy = named(target, policy)
        return _Subject(Registry.load(str(path), policy).name, str(path))
    project = _project(target)
    plugin = usable_plugin(target, policy).name if project is None else _plugin_of(project)
    return _Subject(plugin, plugin, project)


def _check_data(subject: _Subject, data: Path) -> None:
    """Raise `UserError` when a file of rows does not exist, or the checks take no such file."""
    if subject.project is not None:
        raise UserError(
            "a project is checked with the rows of its own tests: omit `data`, and set sample_file in a test"
        )
    if "." in subject.plugin:
        raise UserError(f"{subject.plugin!r} is an extension, whose checks read no rows: omit `data`")
    if not data.is_file():
        raise UserError(f"there is no file {data}; check the path")


def _project(target: str) -> Path | None:
    """Return the project folder that ``target`` names, or None for an installed plugin."""
    path = as_path(target)
    looks_like_path = os.sep in target or "/" in target or target in (".", "..")
    if not looks_like_path and (not path.is_dir() or target in {plugin.name for plugin in installed_plugins()}):
        return None
    if not (path / "pyproject.toml").is_file():
        raise PluginError(f"{target} is not a plugin project: it has no pyproject.toml")
    return path.resolve()


def _plugin_of(project: Path) -> str:
    """Return the domain that a project provides, or its only extension; raises `PluginError` otherwise."""
    file = project / "pyproject.toml"
    try:
        facts = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PluginError(f"{file} cannot be read: {error}") from error
    names = facts.get("project", {}).get("entry-points", {}).get(GROUP, {})
    if "name" not in facts.get("project", {}) or not names:
        raise PluginError(
            f'{file} names no plugin: it needs a name and a table [project.entry-points."{GROUP}"] with a line '
            'such as NAME = "sma_NAME.plugin"'
        )
    plugins = [name for name in names if "." not in name] or list(names)
    if len(plugins) != 1:
        declared = ", ".join(sorted(names))
        raise PluginError(f"{file} must declare exactly one domain or extension, but it declares {declared}")
    return str(plugins[0])


def _run(subject: _Subject, data: Path | None) -> tuple[Check, ...]:
    """Run the checks and return their results; raises `UserError` when they could not be run."""
    with tempfile.TemporaryDirectory() as folder:
        findings = Path(folder) / "findings.jsonl"
        environment = child_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
        command = child_command("-m", "sma_kit.running", str(findings), subject.reference)
        command += [str(subject.project)] if subject.project is not None else []
        command += ["--data", str(data)] if data is not None else []
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        lines = findings.read_text(encoding="utf-8").splitlines() if findings.is_file() else []
    checks = tuple(Check(**json.loads(line)) for line in lines)
    if not checks or done.returncode not in (0, 1):
        last_line = (f"{done.stdout}\n{done.stderr}".strip().splitlines() or ["no output"])[-1]
        if not any(check.outcome == "failed" for check in checks):
            raise UserError(f"the checks of {subject.plugin!r} did not finish: {last_line}")
    return checks
