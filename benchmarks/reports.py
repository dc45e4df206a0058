"""Reports of results in JSON files, and comparison with stored results.

A file has the form ``{"schema": 1, "reports": [...]}``. A report has ``command``, ``options``, ``commit``,
``date``, ``machine``, ``seed``, ``repeats`` and ``records``; a record has ``name``, ``value``, ``unit`` and
further values. Results are stored in ``benchmarks/results/<date>-<machine>.json``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.machine import Machine, commit
from benchmarks.tables import number, table
from sma_core.files import write_atomically

SCHEMA = 1
RESULTS = Path(__file__).parent / "results"
Record = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """Results of a command: ``records`` to store and ``text`` to print."""

    records: list[Record]
    text: str
    repeats: int
    seed: int = 0


@dataclass(frozen=True)
class Report:
    """Results of a command with all information needed to reproduce them."""

    command: str
    options: Mapping[str, str]
    commit: str
    date: str
    machine: Mapping[str, Any]
    seed: int
    repeats: int
    records: list[Record] = field(default_factory=list)

    @classmethod
    def of(cls, command: str, options: Mapping[str, str], results: Found, machine: Machine) -> Self:
        """Create the report of results measured now, with the current commit and date."""
        date = time.strftime("%Y-%m-%d")
        described = machine.to_json()
        return cls(command, options, commit(), date, described, results.seed, results.repeats, results.records)

    def line(self) -> str:
        """Return one line with command, commit, date, machine and repeats."""
        machine = self.machine
        words = (
            f"{machine['name']}, {machine['cores']} cores, {machine['threads']} threads, torch {machine['torch']}"
        )
        arguments = "".join(
            f" {value}" if name.isupper() else f" --{name} {value}".rstrip()
            for name, value in self.options.items()
        )
        return (
            f"`python -m benchmarks {self.command}{arguments}`, commit {self.commit}, {self.date}; {words}; "
            f"medians of {self.repeats}"
        )


def write(path: Path, reports: Sequence[Report]) -> None:
    """Write a file of reports atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"schema": SCHEMA, "reports": [vars(report) for report in reports]}
    write_atomically(path, json.dumps(content, indent=1) + "\n")


def read(path: Path) -> list[Report]:
    """Read a file of reports; raise `ValueError` for another schema version."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("schema") != SCHEMA:
        raise ValueError(f"{path} has schema {content.get('schema')}; expected {SCHEMA}")
    return [Report(**report) for report in content["reports"]]


def keep(report: Report, folder: Path = RESULTS) -> Path:
    """Store a report in the file of its date and machine; replace one with the same command and options."""
    path = folder / f"{report.date}-{report.machine['slug']}.json"
    before = read(path) if path.is_file() else []
    others = [old for old in before if (old.command, old.options) != (report.command, report.options)]
    write(path, [*others, report])
    return path


def previous(command: str, machine: Machine, folder: Path = RESULTS) -> dict[str, tuple[Report, Record]]:
    """Return the newest stored record of each name for this command, machine and number of threads."""
    newest: dict[str, tuple[Report, Record]] = {}
    for path in sorted(folder.glob(f"????-??-??-{machine.slug}.json")):
        for report in read(path):
            same_threads = report.machine["threads"] == machine.threads
            if report.command == command and same_threads:
                newest |= {record["name"]: (report, record) for record in report.records}
    return newest


def then_and_now(report: Report, before: Mapping[str, tuple[Report, Record]]) -> str:
    """Return a table of the records that have a stored value, with both values."""
    rows = []
    for record in report.records:
        if record["name"] in before:
            old, then = before[record["name"]]
            change = record["value"] / then["value"]
            names = (record["name"], record["unit"], f"{number(then['value'])} ({old.commit}, {old.date})")
            rows.append((*names, number(record["value"]), f"{change:.2f}"))
    if not rows:
        return "No stored results for this command and machine."
    return table(("what", "unit", "then", "now", "now / then"), rows, left=2)
