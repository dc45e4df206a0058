"""Run the contract tests on a plugin, a project folder or a file; the process of ``sma plugins check``.

``python -m sma_kit.running FINDINGS PLUGIN [PROJECT] [--data FILE]`` writes one JSON object per check to FINDINGS,
with name, outcome and sentence. A project need not be installed: its ``src`` folder is added to ``sys.path`` with
metadata generated from ``pyproject.toml``. The project's own contract tests are run; without any, and for an
installed plugin, `SampledContract` is run, or `ExtensionContract` for a plugin such as ``any.lab``. PLUGIN may be
the absolute path of a Python file that defines a domain; FILE holds rows of the domain.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sma_core.children import end_with_parent
from sma_core.plugins.discovery import GROUP
from sma_core.plugins.domain_file import is_file
from sma_kit.distributions import write_distribution
from sma_kit.subject import Subject

_SAMPLED = """
from pathlib import Path
from sma_kit.sampled import SampledContract

class TestDomain(SampledContract):
    domain = {plugin!r}
    sample_file = {data!r} and Path({data!r})
"""
_EXTENSION = """
from sma_kit import ExtensionContract

class TestExtension(ExtensionContract):
    plugin = {plugin!r}
"""


class Recorder:
    """A pytest plugin that selects the checks of the contract and records their outcomes."""

    def __init__(self, findings: Path) -> None:
        self.findings = findings

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Deselect tests that are not checks of the contract."""
        items[:] = [item for item in items if _is_check(item)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the outcome of a check; setup and teardown are recorded only when they fail."""
        if report.when == "call" or report.outcome != "passed":
            name = report.location[2].rpartition(".")[2].removeprefix("test_").replace("_", " ")
            self._write(name, report.outcome, _sentence(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record that a test file could not be imported."""
        if report.failed:
            self._write(f"the tests in {Path(report.nodeid).name} can be read", "failed", _sentence(report))

    def _write(self, name: str, outcome: str, sentence: str) -> None:
        line = {"name": name, "outcome": outcome, "sentence": sentence}
        with self.findings.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _is_check(item: pytest.Item) -> bool:
    test_class = getattr(item, "cls", None)
    return inspect.isclass(test_class) and issubclass(test_class, Subject)


def _sentence(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why a check failed or was skipped; for a crash, the last line of its traceback."""
    if report.outcome == "passed":
        return ""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else report.longreprtext
    lines = [line.removeprefix("E").strip() for line in text.strip().splitlines()]
    return (
        lines[0 if crash is not None else -1].removeprefix("Failed: ") if lines else "it failed without a message"
    )


def install(project: Path, folder: Path) -> None:
    """Make a project importable and discoverable, in this process and its children."""
    facts = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    write_distribution(
        folder,
        facts["name"],
        facts["entry-points"][GROUP],
        {},
        version=facts.get("version", "0"),
        summary=facts.get("description", ""),
    )
    sources = project / "src" if (project / "src").is_dir() else project
    sys.path[:0] = [str(folder), str(sources)]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))


def _test_files(plugin: str, project: Path | None, data: str | None, folder: Path) -> list[Path]:
    """Return the project's files with contract tests, or a generated file when there are none."""
    files = [
        path
        for path in (sorted(project.glob("tests/**/test_*.py")) if project else [])
        if re.search("(Domain|Extension)Contract", path.read_text(encoding="utf-8", errors="replace"))
    ]
    if files:
        return files
    generated = folder / "test_contract.py"
    text = _EXTENSION if "." in plugin and not is_file(plugin) else _SAMPLED
    generated.write_text(text.format(plugin=plugin, data=data), encoding="utf-8")
    return [generated]


def main() -> None:
    """Run the checks named by the arguments and exit with pytest's status."""
    end_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("findings", type=Path)
    parser.add_argument("plugin")
    parser.add_argument("project", type=Path, nargs="?")
    parser.add_argument("--data")
    arguments = parser.parse_args()
    project = arguments.project
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        if project is not None:
            install(project, workspace / "installed")
        settings = workspace / "pytest.ini"
        settings.write_text("[pytest]\n", encoding="utf-8")
        options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", str(settings)]
        options += ["--rootdir", str(project or workspace)]
        files = map(str, _test_files(arguments.plugin, project, arguments.data, workspace))
        status = pytest.main([*options, *files], plugins=[Recorder(arguments.findings)])
    sys.exit(int(status))


if __name__ == "__main__":
    main()
