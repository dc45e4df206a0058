"""`benchmark`: run or resume a suite of pre-trainings and fine-tunings and write a table of results.

The folder of a suite holds run folders in ``pretraining/`` and ``cells/<task>/``, the settings of each command in
``settings/``, logs in ``log/``, and the results ``table.md``, ``results.json`` and ``commands.sh``. Names of run
folders contain a hash of everything that determines the result, so a changed suite runs only new cells.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from sma_bench.comparison import NO_SWEEP, ArmResult, CellResult, Difference, chosen_rows, differences
from sma_bench.find_suite import find_suite
from sma_bench.jobs import Ended, Work, run_all
from sma_bench.outcome import write_outcome
from sma_bench.run_baseline import run_baseline
from sma_bench.suites import Cell, Pretraining, Suite, cells, nested
from sma_bench.sweeps import swept, turns
from sma_core.errors import ConfigError, UserError
from sma_core.evaluation.metric_set import MetricSet
from sma_core.files import as_path, write_atomically
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Task
from sma_core.runs.run_folder import RUNS
from sma_core.runs.settings import Request, finetune_settings

Tell = Callable[[str], None]


@dataclass(frozen=True)
class BenchmarkResult:
    """The results of a suite: rows, differences, failures, and numbers of finished and missing cells."""

    out: Path
    rows: list[ArmResult]
    differences: list[Difference]
    failures: list[str]
    done: int
    missing: int
    seconds: float


@dataclass(frozen=True)
class BenchmarkPlan:
    """The commands of unfinished pre-trainings and cells, and the number of finished cells."""

    pretrainings: list[str]
    cells: list[str]
    done: int
    unknown: int = 0
    """Number of cells whose variant depends on unfinished cells of the sweep."""


@dataclass(frozen=True)
class _Job:
    """A suite with its registry, all its cells, and the selected cells."""

    registry: Registry
    suite: Suite
    every: list[Cell]
    cells: list[Cell]
    out: Path

    def folder(self, cell: Cell) -> Path:
        """Return the folder of a cell's run."""
        return self.out / "cells" / cell.task / cell.name

    def results(self, cell: Cell) -> dict[str, Any] | None:
        """Return a cell's results, or None when it is unfinished."""
        path = self.folder(cell) / "results.json"
        if not path.is_file():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def benchmark(
    suite: str | Path,
    *,
    out: str | Path | None = None,
    tasks: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    jobs: int = 1,
    tell: Tell = lambda line: None,
    policy: PluginPolicy | None = None,
) -> BenchmarkResult:
    """Run the unfinished cells of a suite, or of a part of it, and write the table of all results.

    Args:
        suite: A TOML file, or ``domain:name`` of a suite that ships with a domain.
        out: The suite's folder; None: ``runs/<name of the suite>``.
        tasks: Run only these tasks.
        arms: Run only these arms.
        seeds: Run only these seeds.
        jobs: Number of parallel trainings, which share the CPU cores.
        tell: Called with a line of text when a training starts and ends.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        UserError: The suite, task, arm or seed does not exist.
        StoppedOnRequest: After Ctrl-C or SIGTERM; the same call resumes the suite.
    """
    began = time.monotonic()
    job = _find(str(suite), as_path(out), {"task": tasks, "arm": arms, "seed": seeds}, policy)
    order = turns(job.suite, job.cells, _picked(job))
    if order.unknown and not any(cell.seed in job.suite.sweep_seeds for cell in order.first):
        raise ConfigError(
            f"the sweep on the seeds {_listed(job.suite.sweep_seeds)} must finish first: run it before others"
        )
    try:
        failures = _run(job, order.first, jobs, tell)
        order = turns(job.suite, job.cells, _picked(job, tried=order.first))
        failures += _run(job, order.later, jobs, tell)
    finally:  # also when stopped on request
        rows, found = _write_outcome(job)
    done = sum(job.results(cell) is not None for cell in order.known)
    missing = len(order.known) + order.unknown - done
    return BenchmarkResult(job.out, rows, found, failures, done, missing, time.monotonic() - began)


def plan_benchmark(
    suite: str | Path,
    *,
    out: str | Path | None = None,
    tasks: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    policy: PluginPolicy | None = None,
) -> BenchmarkPlan:
    """Return what `benchmark` with the same arguments would run."""
    job = _find(str(suite), as_path(out), {"task": tasks, "arm": arms, "seed": seeds}, policy)
    order = turns(job.suite, job.cells, _picked(job))
    open_cells = [cell for cell in order.known if job.results(cell) is None]
    starts = [work.command for work in _pretrainings(job, open_cells) if not work.done]
    commands = [_command(job, cell) for cell in open_cells]
    return BenchmarkPlan(starts, commands, len(order.known) - len(open_cells), order.unknown)


def _find(
    suite: str, out: Path | None, wanted: Mapping[str, Sequence[Any] | None], policy: PluginPolicy | None
) -> _Job:
    """Read the suite and select its cells; ``wanted`` maps ``task``, ``arm`` and ``seed`` to names."""
    found, registry, name = find_suite(suite, policy)
    for task in found.tasks:
        registry.find(Task, task)
    there: dict[str, list[Any]] = {
        "task": [*found.tasks],
        "arm": [*found.arms, *found.runs, *found.baselines],
        "seed": [*found.seeds],
    }
    every = cells(found)
    kept = every
    for what, names in wanted.items():
        if names is None:
            continue
        for name_given in names:
            if name_given not in there[what]:
                raise ConfigError(f"the suite has no {what} {name_given!r}: it has {_listed(there[what])}")
        kept = [cell for cell in kept if getattr(cell, what) in names]
    _check_sweeps(registry, found, every)
    return _Job(registry, found, every, kept, out or RUNS / name)


def _check_sweeps(registry: Registry, suite: Suite, every: Sequence[Cell]) -> None:
    """Raise `ConfigError` when a sweep has no validation rows on which to choose a value."""
    tuned = [cell for cell in every if cell.baseline is None]
    several = swept(tuned)
    for cell in tuned:
        if (cell.task, cell.arm) in several and _protocol(registry, suite, cell) == "authors":
            raise ConfigError(f"{cell.task}: {NO_SWEEP}")


def _protocol(registry: Registry, suite: Suite, cell: Cell) -> str | None:
    """Return ``split.protocol`` of a cell; None if its settings do not fit the recipe, as they may fit its run."""
    request = Request(suite.recipe, None, {**cell.settings, "task": cell.task})
    try:
        return finetune_settings(registry, request).config.split.protocol
    except ConfigError:
        return None


def _picked(job: _Job, tried: Sequence[Cell] = ()) -> list[ArmResult]:
    """Return the variants chosen by the sweep, for each task and arm whose sweep is complete or was tried."""
    sweep = [cell for cell in job.every if cell.seed in job.suite.sweep_seeds]
    still = {(cell.task, cell.arm) for cell in sweep if job.results(cell) is None and cell not in tried}
    return [row for row in _rows(job, sweep) if (row.task, row.arm) not in still]


def _run(job: _Job, wanted: Sequence[Cell], jobs: int, tell: Tell) -> list[str]:
    """Run the required pre-trainings, then the cells and baselines; return the failures."""
    ended = run_all(_pretrainings(job, wanted), jobs, tell)
    failed = {item.work.run for item in ended if item.failure is not None}
    tuned = [cell for cell in wanted if cell.baseline is None and _start(job, cell) not in failed]
    ended += run_all([_cell_work(job, cell) for cell in tuned], jobs, tell)
    failures = [_failure(item) for item in ended if item.failure is not None]
    return failures + _take_baselines(job, wanted, tell)


def _take_baselines(job: _Job, wanted: Sequence[Cell], tell: Tell) -> list[str]:
    """Run the unfinished baselines; return the failures."""
    failures = []
    for cell in wanted:
        if cell.baseline is None or job.results(cell) is not None:
            continue
        label = _label(cell)
        try:
            results = run_baseline(job.registry, cell.baseline, job.suite.recipe, cell.task, cell.settings)
        except UserError as error:
            failures.append(f"{label}: {error}")
            tell(failures[-1])
            continue
        folder = job.folder(cell)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "results.json", json.dumps(results, indent=1) + "\n")
        tell(f"{label}: done in {results['seconds']:.1f} s")
    return failures


def _pretrainings(job: _Job, wanted: Sequence[Cell]) -> list[Work]:
    """Return the pre-trainings that unfinished cells start from."""
    starts = {
        cell.start.name: cell.start
        for cell in wanted
        if isinstance(cell.start, Pretraining) and job.results(cell) is None
    }
    return [_pretraining_work(job, start) for start in starts.values()]


def _start(job: _Job, cell: Cell) -> Path | None:
    """Return the run that a cell starts from."""
    return job.out / "pretraining" / cell.start.name if isinstance(cell.start, Pretraining) else cell.start


def _pretraining_work(job: _Job, start: Pretraining) -> Work:
    run = job.out / "pretraining" / start.name
    settings = _write_settings(job, f"pretraining-{start.name}", start.settings)
    arguments = ["train", "--domain", job.suite.domain, "--recipe", job.suite.recipe, "--config", str(settings)]
    label = f"pre-training {start.arm}, seed {start.seed}{_said(start.variant)}"
    return Work(label, (*arguments, "--out", str(run), "--resume", "auto"), run, _log(job, start.name))


def _cell_work(job: _Job, cell: Cell) -> Work:
    run, start = job.folder(cell), _start(job, cell)
    settings = _write_settings(job, f"{cell.task}-{cell.name}", cell.settings)
    arguments = ["finetune", "--domain", job.suite.domain, "--task", cell.task, "--recipe", job.suite.recipe]
    arguments += ["--config", str(settings)] + ([] if start is None else ["--model", str(start)])
    arguments += ["--no-baselines", "--out", str(run), "--resume", "auto"]
    return Work(_label(cell), tuple(arguments), run, _log(job, f"{cell.task}-{cell.name}"))


def _write_settings(job: _Job, name: str, settings: Mapping[str, Any]) -> Path:
    path = job.out / "settings" / f"{name}.toml"
    text = tomli_w.dumps(nested(settings))
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    return path


def _write_outcome(job: _Job) -> tuple[list[ArmResult], list[Difference]]:
    """Write the table of all finished cells."""
    rows = _rows(job, job.every)
    better = {row.task: _higher_is_better(job, row.task) for row in rows}
    found = differences(rows, better)
    write_outcome(job.out, job.suite, rows, found, better, _commands(job))
    return rows, found


def _rows(job: _Job, wanted: Sequence[Cell]) -> list[ArmResult]:
    """Collect the metrics of finished cells and choose each arm's variant on validation."""
    figures, metrics = [], {}
    for cell in wanted:
        results = job.results(cell)
        if results is None:
            continue
        metric = job.suite.tasks[cell.task].metric or results["metric"]
        if metric not in results["test"]:
            raise ConfigError(
                f"the task {cell.task!r} has no metric {metric!r}: it has {', '.join(results['test'])}"
            )
        metrics[cell.task] = metric
        valid, test = results["valid"].get(metric), results["test"][metric]
        figures.append(CellResult(cell.task, cell.arm, cell.seed, cell.variant, valid, test))
    higher = {task: _higher_is_better(job, task) for task in metrics}
    return chosen_rows(figures, metrics, higher)


def _higher_is_better(job: _Job, task: str) -> bool:
    spec = job.registry.find(Task, task)
    return MetricSet.of(job.registry, spec.kind).find(job.suite.tasks[task].metric or spec.metric).higher_is_better


def _commands(job: _Job) -> list[str]:
    """Return every known command of the suite, in an order in which they can be run."""
    known = turns(job.suite, job.every, _picked(job)).known
    starts = {cell.start.name: cell.start for cell in known if isinstance(cell.start, Pretraining)}
    return [
        *(_pretraining_work(job, start).command for start in starts.values()),
        *(_command(job, cell) for cell in known),
    ]


def _command(job: _Job, cell: Cell) -> str:
    if cell.baseline is not None:
        return f"# {_label(cell)}: {cell.baseline}, run by sma benchmark itself"
    return _cell_work(job, cell).command


def _label(cell: Cell) -> str:
    return f"{cell.task}, {cell.arm}, seed {cell.seed}{_said(cell.variant)}"


def _said(variant: Mapping[str, Any]) -> str:
    return "".join(f", {name}={value}" for name, value in variant.items())


def _log(job: _Job, name: str) -> Path:
    return job.out / "log" / f"{name}.txt"


def _listed(names: Sequence[Any]) -> str:
    return ", ".join(map(str, names))


def _failure(ended: Ended) -> str:
    return f"{ended.work.label}: {ended.failure}"
