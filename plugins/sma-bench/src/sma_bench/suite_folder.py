"""The folder of a suite, and the commands that fill it.

It holds run folders in ``pretraining/`` and ``cells/<task>/``, the settings of each command in ``settings/``, logs
in ``log/``, a copy of the suite in ``suite.toml``, and the results ``table.md``, ``results.json`` and
``commands.sh``. Names of run folders contain a hash of everything that determines the result, so a changed suite
runs only new cells. A suite goes on after its folder was moved.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict

from sma_bench.cells import Cell, Pretraining, nested
from sma_bench.jobs import Work
from sma_bench.suites import Suite
from sma_core.documents import json_text, parse_record, read_document
from sma_core.errors import CheckpointError
from sma_core.files import write_atomically

_SCRIPT = """# All commands of the suite, in order. To run one by itself, first set SUITE to this folder.
SUITE="$(dirname "$0")"
"""


Figure = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A metric, which is NaN where ``results.json`` has null."""


class CellFigures(BaseModel):
    """The entries of a cell's ``results.json`` that a suite reads: metrics by name, and seconds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    valid: dict[str, Figure]
    test: dict[str, Figure]
    seconds: float = 0.0


@dataclass(frozen=True)
class SuiteFolder:
    """A suite and the folder that holds its runs; with ``read_only``, for dry runs, no settings are written."""

    path: Path
    suite: Suite
    read_only: bool = False

    def run(self, cell: Cell) -> Path:
        """Return the folder of a cell."""
        return self.path / "cells" / cell.task / cell.name

    def results(self, cell: Cell) -> CellFigures | None:
        """Return a cell's metrics, or None when it is unfinished; raises `CheckpointError` when damaged."""
        path = self.run(cell) / "results.json"
        if not path.is_file():
            return None
        try:
            return parse_record(read_document(path), CellFigures)
        except ValueError as error:
            raise CheckpointError(
                f"{path} is damaged: {error}; remove it, and {path.parent}, to run that cell again"
            ) from error

    def start(self, cell: Cell) -> Path | None:
        """Return the run that a cell starts from."""
        return self.path / "pretraining" / cell.start.name if isinstance(cell.start, Pretraining) else cell.start

    def pretrainings(self, cells: Iterable[Cell], finished: bool = False) -> list[Work]:
        """Return the pre-trainings that unfinished cells start from; with ``finished``, those of all cells."""
        starts = {
            cell.start.name: cell.start
            for cell in cells
            if isinstance(cell.start, Pretraining) and (finished or self.results(cell) is None)
        }
        return [self._pretraining(start) for start in starts.values()]

    def _pretraining(self, start: Pretraining) -> Work:
        run = self.path / "pretraining" / start.name
        settings = self._write_settings(f"pretraining-{start.name}", start.settings)
        arguments = ["train", *self._common(settings), "--out", str(run), "--resume", "auto"]
        label = f"pre-training {start.arm}, seed {start.seed}{_said(start.variant)}"
        return Work(label, tuple(arguments), run, self._log(start.name))

    def work(self, cell: Cell) -> Work:
        """Return the command of a fine-tuning or a probe."""
        run, start = self.run(cell), self.start(cell)
        settings = self._write_settings(f"{cell.task}-{cell.name}", cell.settings)
        model = [] if start is None else ["--model", str(start)]
        common = [*self._common(settings), "--task", cell.case.task]
        if cell.method == "probe":
            arguments = ["probe", *common, *(model or ["--random-weights"])]
            arguments += ["--bootstrap", "0", "--json", "--force", "--out", str(run / "results.json")]
        else:
            arguments = ["finetune", *common, *model, "--no-baselines", "--out", str(run), "--resume", "auto"]
        name = f"{cell.task}-{cell.name}"
        return Work(label_of(cell), tuple(arguments), run, self._log(name), is_run=cell.method != "probe")

    def command(self, cell: Cell) -> str:
        """Return the command line of a cell, or a comment for a baseline."""
        if cell.baseline is not None:
            return f"# {label_of(cell)}: {cell.baseline}, run by sma benchmark itself"
        return self.work(cell).command

    def script(self, cells: Iterable[Cell]) -> str:
        """Return a shell script of all commands, which names its folder only as ``$SUITE``."""
        cells = list(cells)
        lines = [work.command for work in self.pretrainings(cells, finished=True)]
        lines += [self.command(cell) for cell in cells]
        return "\n".join([_SCRIPT, *map(self._portable, lines)]) + "\n"

    def _portable(self, command: str) -> str:
        """Replace the path of the folder by ``$SUITE``."""
        if command.startswith("#"):
            return command
        words = []
        for word in shlex.split(command):
            inside = word.removeprefix(f"{self.path}/")
            words.append(shlex.quote(word) if inside == word else f'"$SUITE"/{shlex.quote(inside)}')
        return " ".join(words)

    def write_baseline(self, cell: Cell, results: Mapping[str, Any]) -> None:
        """Write the results of a baseline."""
        folder = self.run(cell)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "results.json", json_text(results, indent=1) + "\n")

    def _common(self, settings: Path) -> list[str]:
        return ["--domain", self.suite.domain, "--recipe", self.suite.recipe, "--config", str(settings)]

    def _write_settings(self, name: str, settings: Mapping[str, Any]) -> Path:
        path = self.path / "settings" / f"{name}.toml"
        text = tomli_w.dumps(nested(settings))
        if not self.read_only and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)
        return path

    def _log(self, name: str) -> Path:
        return self.path / "log" / f"{name}.txt"


def label_of(cell: Cell) -> str:
    """Return the name of a cell in messages."""
    method = ", probe" if cell.method == "probe" else ""
    return f"{cell.case.title}, {cell.arm}{method}, seed {cell.seed}{_said(cell.variant)}"


def _said(variant: Mapping[str, Any]) -> str:
    return "".join(f", {name}={value}" for name, value in variant.items())
