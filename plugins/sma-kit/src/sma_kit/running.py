"""Run the contract on an installed domain or on a project folder: the process that `sma plugins check` starts.

``python -m sma_kit.running FINDINGS DOMAIN [PROJECT]`` writes one JSON object a check to FINDINGS: its
name, outcome and sentence. A project need not be installed: its ``src`` folder is put on the path with metadata
made from its ``pyproject.toml``. Its own subclasses of `DomainContract` are run; where it has none, and for an
installed domain, `SampledContract` is.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sma_core.plugins.discovery import GROUP
from sma_kit.contract import DomainContract
from sma_kit.distributions import write_distribution

_SAMPLED = """
from sma_kit.sampled import SampledContract

class TestDomain(SampledContract):
    domain = {domain!r}
"""


class Recorder:
    """Keeps the tests that are checks of the contract, and writes how each ended."""

    def __init__(self, findings: Path) -> None:
        self.findings = findings

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out tests that are the project's own."""
        items[:] = [item for item in items if _is_check(item)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a check's end; setting up and taking down count only when they fail."""
        if report.when == "call" or report.outcome != "passed":
            name = report.location[2].rpartition(".")[2].removeprefix("test_").replace("_", " ")
            self._write(name, report.outcome, _sentence(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write that a file of tests could not be read."""
        if report.failed:
            self._write(f"the tests in {Path(report.nodeid).name} can be read", "failed", _sentence(report))

    def _write(self, name: str, outcome: str, sentence: str) -> None:
        line = {"name": name, "outcome": outcome, "sentence": sentence}
        with self.findings.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _is_check(item: pytest.Item) -> bool:
    own = getattr(item, "cls", None)
    return inspect.isclass(own) and issubclass(own, DomainContract)


def _sentence(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a check failed or was skipped; the last line of the traceback where it crashed."""
    if report.outcome == "passed":
        return ""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else report.longreprtext
    lines = [line.removeprefix("E").strip() for line in text.strip().splitlines()]
    return lines[0 if crash is not None else -1].removeprefix("Failed: ") if lines else "it failed without a word"


def install(project: Path, place: Path) -> None:
    """Make a project importable and known to discovery, here and in processes started from here."""
    facts = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    write_distribution(
        place,
        facts["name"],
        facts["entry-points"][GROUP],
        {},
        version=facts.get("version", "0"),
        summary=facts.get("description", ""),
    )
    sources = project / "src" if (project / "src").is_dir() else project
    sys.path[:0] = [str(place), str(sources)]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))


def _tests(domain: str, project: Path | None, place: Path) -> list[Path]:
    """Return the project's own files of contract tests, else one made here."""
    found = [
        path
        for path in (sorted(project.glob("tests/**/test_*.py")) if project else [])
        if "DomainContract" in path.read_text(encoding="utf-8", errors="replace")
    ]
    if found:
        return found
    made = place / "test_contract.py"
    made.write_text(_SAMPLED.format(domain=domain), encoding="utf-8")
    return [made]


def main() -> None:
    """Run the checks that the arguments name, and leave with pytest's status."""
    findings, domain, *projects = sys.argv[1:]
    project = Path(projects[0]) if projects else None
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if project is not None:
            install(project, place / "installed")
        settings = place / "pytest.ini"
        settings.write_text("[pytest]\n", encoding="utf-8")
        options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", str(settings)]
        options += ["--rootdir", str(project or place)]
        files = map(str, _tests(domain, project, place))
        status = pytest.main([*options, *files], plugins=[Recorder(Path(findings))])
    sys.exit(int(status))


if __name__ == "__main__":
    main()
