"""What `sma plugins` prints for people: lines of a plugin's facts, of the doctor's findings, of checks."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sma_core.cli.output import aligned

if TYPE_CHECKING:
    from sma_core.plugins.discovery import InstalledPlugin
    from sma_core.verbs.check_plugin import CheckReport
    from sma_core.verbs.doctor import Diagnosis
    from sma_core.verbs.new_plugin import NewPlugin
    from sma_core.verbs.plugin_info import PluginInfo

_OUTCOMES = {"passed": "pass", "failed": "FAIL", "skipped": "skip"}
_HEAD = ("NAME", "PACKAGE", "VERSION", "STATUS", "")


def list_lines(plugins: Sequence[InstalledPlugin]) -> list[str]:
    """Return name, package, version, status, and the summary or what is wrong."""
    return aligned([_HEAD, *((p.name, p.package, p.version, p.status, p.detail or p.summary) for p in plugins)])


def new_lines(made: NewPlugin) -> list[str]:
    """Return what was written and what to type next."""
    folder = shlex.quote(made.path.as_posix())
    rows = "text" if made.kind == "discrete" else "numbers"
    return [
        f"{made.package}, a domain of {rows}: {len(made.files)} files in {folder}",
        f"next: pip install -e {folder if '/' in folder else f'./{folder}'}",
        f"      sma train --domain {made.domain}",
        f"what to change is marked: grep -rn CHANGE {folder}",
    ]


def info_lines(found: PluginInfo) -> list[str]:
    """Return a plugin's facts, and what it gives."""
    made_for = f"{found.api_version} (this sma-core has {found.core_api_version})" if found.api_version else ""
    facts = {
        "plugin": found.name,
        "package": f"{found.package} {found.version}",
        "summary": found.summary,
        "plugin API": made_for,
        "status": found.status,
        "module": f"{found.module} in {found.path}",
        "extensions": ", ".join(found.extensions),
    }
    parts = [("KIND", "NAME", ""), *((part.kind, part.name, part.summary) for part in found.parts)]
    return [*aligned([(fact, value) for fact, value in facts.items() if value]), "", *aligned(parts)]


def doctor_lines(found: Sequence[Diagnosis]) -> list[str]:
    """Return a table of all plugins, then what is wrong with each that is not well, and the count."""
    if not found:
        return ["no plugin is installed"]
    lines = aligned([_HEAD, *((p.name, p.package, p.version, p.status, p.detail) for p in found)])
    sick = [plugin for plugin in found if not plugin.healthy]
    for plugin in sick:
        lines += ["", f"{plugin.name} ({plugin.package} {plugin.version}) is {plugin.status}: {plugin.detail}"]
        lines += [f"what to do: {plugin.advice}", *(f"  | {line}" for line in plugin.traceback.splitlines())]
    return [*lines, "", f"{len(sick)} of {len(found)} plugins need mending" if sick else "all is well"]


def check_lines(report: CheckReport) -> list[str]:
    """Return a line for each check, the sentence below where there is one, and the counts."""
    lines = []
    for check in report.checks:
        lines += [f"{_OUTCOMES[check.outcome]}  {check.name}"]
        lines += [f"      {check.sentence}"] if check.sentence else []
    counts = ", ".join(f"{report.count(outcome)} {outcome}" for outcome in _OUTCOMES)
    return [*lines, f"{report.domain}: {len(report.checks)} checks, {counts}"]
