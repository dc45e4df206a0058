"""`check_plugin`: run the contract tests on an installed plugin or a project folder."""

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
from sma_core.plugins.loading import usable_plugin


@dataclass(frozen=True)
class Check:
    """One check: its name, the outcome ``passed``, ``failed`` or ``skipped``, and the reason."""

    name: str
    outcome: str
    sentence: str


@dataclass(frozen=True)
class CheckReport:
    """All checks of a plugin, in order; ``project`` is the checked folder, or None for an installed plugin."""

    plugin: str
    project: Path | None
    checks: tuple[Check, ...]

    def count(self, outcome: str) -> int:
        """Return the number of checks with this outcome."""
        return sum(check.outcome == outcome for check in self.checks)


def check_plugin(target: str, policy: PluginPolicy | None = None) -> CheckReport:
    """Run the checks of `sma_kit.DomainContract`, or `ExtensionContract`, in a separate process.

    Args:
        target: An installed plugin, or a project folder, which need not be installed.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        PluginError: The plugin is not installed, or the folder is not a plugin project.
        UserError: pytest is not installed, or the checks could not be run.
    """
    project = _project(target)
    plugin = usable_plugin(target, policy).name if project is None else _plugin_of(project)
    if find_spec("pytest") is None:
        raise UserError("the checks need pytest: pip install pytest")
    return CheckReport(plugin, project, _run(plugin, project))


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


def _run(plugin: str, project: Path | None) -> tuple[Check, ...]:
    """Run the checks and return their results; raises `UserError` when they could not be run."""
    with tempfile.TemporaryDirectory() as folder:
        findings = Path(folder) / "findings.jsonl"
        environment = child_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
        command = child_command("-m", "sma_kit.running", str(findings), plugin)
        command += [str(project)] if project is not None else []
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        lines = findings.read_text(encoding="utf-8").splitlines() if findings.is_file() else []
    checks = tuple(Check(**json.loads(line)) for line in lines)
    if not checks or done.returncode not in (0, 1):
        last_line = (f"{done.stdout}\n{done.stderr}".strip().splitlines() or ["no output"])[-1]
        if not any(check.outcome == "failed" for check in checks):
            raise UserError(f"the checks of {plugin!r} did not finish: {last_line}")
    return checks
