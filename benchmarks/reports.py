"""What a command found, as JSON that can be compared later, and the results that were kept before.

A file holds ``{"schema": 1, "reports": [...]}``. A report says what ran (``command``, ``options``, ``commit``,
``date``, ``machine``, ``seed``, ``repeats``) and has ``records``, each with ``name``, ``value``, ``unit`` and any
further figures.
Kept files are ``benchmarks/results/<date>-<machine>.json``.
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
    """What a command measured: ``text`` for people, ``records`` for later."""

    records: list[Record]
    text: str
    repeats: int
    seed: int = 0


@dataclass(frozen=True)
class Report:
    """What a command found, and all that is needed to find it again."""

    command: str
    options: Mapping[str, str]
    commit: str
    date: str
    machine: Mapping[str, Any]
    seed: int
    repeats: int
    records: list[Record] = field(default_factory=list)

    @classmethod
    def of(cls, command: str, options: Mapping[str, str], found: Found, machine: Machine) -> Self:
        """Sign what was found just now."""
        date = time.strftime("%Y-%m-%d")
        where = machine.to_json()
        return cls(command, options, commit(), date, where, found.seed, found.repeats, found.records)

    def line(self) -> str:
        """Say what ran: command, commit, machine, repeats."""
        machine = self.machine
        words = (
            f"{machine['name']}, {machine['cores']} cores, {machine['threads']} threads, torch {machine['torch']}"
        )
        asked = "".join(
            f" {value}" if name.isupper() else f" --{name} {value}".rstrip()
            for name, value in self.options.items()
        )
        return (
            f"`python -m benchmarks {self.command}{asked}`, commit {self.commit}, {self.date}; {words}; "
            f"medians of {self.repeats}"
        )


def write(path: Path, reports: Sequence[Report]) -> None:
    """Write a file of reports, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"schema": SCHEMA, "reports": [vars(report) for report in reports]}
    write_atomically(path, json.dumps(content, indent=1) + "\n")


def read(path: Path) -> list[Report]:
    """Read a file of reports; raises `ValueError` for another schema."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("schema") != SCHEMA:
        raise ValueError(f"{path} is of schema {content.get('schema')}, this reads {SCHEMA}")
    return [Report(**report) for report in content["reports"]]


def keep(report: Report, folder: Path = RESULTS) -> Path:
    """Put a report into the day's file of its machine, in the place of one of the same command and options."""
    path = folder / f"{report.date}-{report.machine['slug']}.json"
    before = read(path) if path.is_file() else []
    others = [each for each in before if (each.command, each.options) != (report.command, report.options)]
    write(path, [*others, report])
    return path


def previous(command: str, machine: Machine, folder: Path = RESULTS) -> dict[str, tuple[Report, Record]]:
    """Return the newest kept record of each name, that ``command`` found on the machine with as many threads."""
    found: dict[str, tuple[Report, Record]] = {}
    for path in sorted(folder.glob(f"????-??-??-{machine.slug}.json")):
        for report in read(path):
            alike = report.machine["threads"] == machine.threads
            if report.command == command and alike:
                found |= {record["name"]: (report, record) for record in report.records}
    return found


def then_and_now(report: Report, before: Mapping[str, tuple[Report, Record]]) -> str:
    """Draw the records that were measured before too, with both values."""
    rows = []
    for record in report.records:
        if record["name"] in before:
            old, then = before[record["name"]]
            change = record["value"] / then["value"]
            names = (record["name"], record["unit"], f"{number(then['value'])} ({old.commit}, {old.date})")
            rows.append((*names, number(record["value"]), f"{change:.2f}"))
    if not rows:
        return "Nothing was kept for this command and machine before."
    return table(("what", "unit", "then", "now", "now / then"), rows, left=2)
