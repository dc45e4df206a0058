"""`benchmark`: run or resume a suite of pre-trainings, fine-tunings and probes, and write a table of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sma_bench.cells import Cell, cells
from sma_bench.comparison import NO_SWEEP, ArmResult, CellResult, Difference, chosen_rows, differences
from sma_bench.find_suite import find_suite
from sma_bench.jobs import run_all
from sma_bench.outcome import write_outcome
from sma_bench.power import Power, power_lines, suite_power
from sma_bench.run_baseline import run_baseline
from sma_bench.suite_folder import SuiteFolder, label_of
from sma_bench.suites import Suite, TaskCase, task_cases
from sma_bench.sweeps import swept, turns
from sma_core.errors import ConfigError, UserError
from sma_core.evaluation.metric_set import MetricSet
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.method_specs import Metric
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Task
from sma_core.runs.run_folder import RUNS, locked_folder
from sma_core.runs.settings import Request, finetune_settings

Tell = Callable[[str], None]


@dataclass(frozen=True)
class BenchmarkResult:
    """The results of a suite: rows, differences, failures, and numbers of finished and missing cells.

    ``power`` is what the suite could see, as known before this call ran any cell.
    """

    out: Path
    rows: list[ArmResult]
    differences: list[Difference]
    failures: list[str]
    done: int
    missing: int
    seconds: float
    power: list[Power] = field(default_factory=list)


@dataclass(frozen=True)
class BenchmarkPlan:
    """The commands of unfinished pre-trainings and cells, and the number of finished cells."""

    pretrainings: list[str]
    cells: list[str]
    done: int
    unknown: int = 0
    """Number of cells whose variant depends on unfinished cells of the sweep."""
    power: list[Power] = field(default_factory=list)


@dataclass(frozen=True)
class _Job:
    """A suite with its registry and folder, all its cells, the selected cells, and the metric of each task."""

    registry: Registry
    suite: Suite
    folder: SuiteFolder
    every: list[Cell]
    cells: list[Cell]
    metrics: Mapping[str, Metric]

    @property
    def higher_is_better(self) -> dict[str, bool]:
        """Whether larger values of a task's metric are better."""
        return {task: metric.higher_is_better for task, metric in self.metrics.items()}


def benchmark(
    suite: str | Path,
    *,
    out: str | Path | None = None,
    tasks: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    jobs: int = 1,
    tell: Tell = lambda line: None,
    policy: PluginPolicy | None = None,
) -> BenchmarkResult:
    """Run the unfinished cells of a suite, or of a part of it, and write the table of all results.

    Args:
        suite: A TOML file, or ``domain:name`` of a suite that ships with a domain.
        out: The suite's folder; None: ``runs/<name of the suite>``.
        tasks: Run only these tasks, by name, with all or one of their numbers of rows (``esol``, ``esol-200``).
        arms: Run only these arms.
        methods: Run only these methods, ``finetune`` or ``probe``, and baselines.
        seeds: Run only these seeds.
        jobs: Number of parallel trainings, which share the CPU cores.
        tell: Called with a line of text: what the suite can see, and when a training starts and ends.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        UserError: The suite, task, arm, method or seed does not exist.
        UserError: Another `benchmark` is writing to the same folder.
        StoppedOnRequest: After Ctrl-C or SIGTERM; the same call resumes the suite.
    """
    began, wanted = time.monotonic(), {"task": tasks, "arm": arms, "method": methods, "seed": seeds}
    job = _find(str(suite), as_path(out), wanted, policy)
    order = turns(job.suite, job.cells, _picked(job))
    if order.unknown and not any(cell.seed in job.suite.sweep_seeds for cell in order.first):
        raise ConfigError(
            f"the sweep on the seeds {_listed(job.suite.sweep_seeds)} must finish first: run it before others"
        )
    power = _power(job)
    is_open = any(job.folder.results(cell) is None for cell in order.known)
    for line in power_lines(power) if is_open else ():
        tell(line)
    with _in_use(job.folder.path):
        try:
            failures = _run(job, order.first, jobs, tell)
            order = turns(job.suite, job.cells, _picked(job, tried=order.first))
            failures += _run(job, order.later, jobs, tell)
        finally:  # also when stopped on request
            rows, pairs = _write_outcome(job)
    done = sum(job.folder.results(cell) is not None for cell in order.known)
    missing = len(order.known) + order.unknown - done
    return BenchmarkResult(job.folder.path, rows, pairs, failures, done, missing, time.monotonic() - began, power)


def plan_benchmark(
    suite: str | Path,
    *,
    out: str | Path | None = None,
    tasks: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    policy: PluginPolicy | None = None,
) -> BenchmarkPlan:
    """Return what `benchmark` with the same arguments would run, and what the suite can see; nothing is written.

    The settings files that the commands name are written by `benchmark`.
    """
    wanted = {"task": tasks, "arm": arms, "method": methods, "seed": seeds}
    job = _find(str(suite), as_path(out), wanted, policy)
    job = replace(job, folder=replace(job.folder, read_only=True))
    order = turns(job.suite, job.cells, _picked(job))
    open_cells = [cell for cell in order.known if job.folder.results(cell) is None]
    starts = [work.command for work in job.folder.pretrainings(open_cells) if not work.done]
    commands = [job.folder.command(cell) for cell in open_cells]
    done = len(order.known) - len(open_cells)
    return BenchmarkPlan(starts, commands, done, order.unknown, _power(job))


@contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """Create and lock the suite's folder; raises `UserError` when another `benchmark` is writing there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot create the folder {folder}: {error.strerror or error}") from error
    with locked_folder(folder, "sma benchmark"):
        yield


def _find(
    suite: str, out: Path | None, wanted: Mapping[str, Sequence[Any] | None], policy: PluginPolicy | None
) -> _Job:
    """Read the suite and select its cells; ``wanted`` maps ``task``, ``arm``, ``method`` and ``seed`` to names."""
    definition, registry, name = find_suite(suite, policy)
    every = cells(definition)
    there: dict[str, list[Any]] = {
        "task": list(dict.fromkeys(name for case in task_cases(definition) for name in (case.part, case.name))),
        "arm": [*definition.arms, *definition.runs, *definition.baselines],
        "method": list(dict.fromkeys(cell.method for cell in every if cell.baseline is None)),
        "seed": [*definition.seeds],
    }
    kept = every
    for what, names in wanted.items():
        if names is None:
            continue
        for name_given in names:
            if name_given not in there[what]:
                raise ConfigError(f"the suite has no {what} {name_given!r}: it has {_listed(there[what])}")
        kept = [cell for cell in kept if _is_wanted(cell, what, names)]
    metrics = {case.name: _metric(definition, registry, case) for case in task_cases(definition)}
    _check_sweeps(registry, definition, every)
    return _Job(registry, definition, SuiteFolder(out or RUNS / name, definition), every, kept, metrics)


def _is_wanted(cell: Cell, what: str, names: Sequence[Any]) -> bool:
    if what == "task":
        return cell.case.part in names or cell.case.name in names
    if what == "method":
        return cell.method in names or cell.baseline is not None
    return getattr(cell, what) in names


def _metric(suite: Suite, registry: Registry, case: TaskCase) -> Metric:
    """Return the metric that is shown for a task; raises `ConfigError` when its labels have no such metric."""
    spec, part = registry.find(Task, case.task), suite.tasks[case.part]
    settings = {**suite.finetuning.settings, **part.settings}
    name = part.metric or settings.get("metric") or spec.metric
    try:
        return MetricSet.of(registry, settings.get("kind") or spec.kind).find(name)
    except ConfigError as error:
        raise ConfigError(f"the suite's task {case.part!r}: {error}") from error


def _power(job: _Job) -> list[Power]:
    """Return what the complete suite can see, with the spreads of finished cells."""
    pairs = differences(_rows(job, job.every), job.higher_is_better)
    return suite_power(job.suite, {task: metric.name for task, metric in job.metrics.items()}, pairs)


def _check_sweeps(registry: Registry, suite: Suite, every: Sequence[Cell]) -> None:
    """Raise `ConfigError` when a sweep has no validation rows on which to choose a value."""
    tuned = [cell for cell in every if cell.baseline is None]
    several = swept(tuned)
    for cell in tuned:
        if (cell.task, cell.method, cell.arm) in several and _protocol(registry, suite, cell) == "authors":
            raise ConfigError(f"{cell.task}: {NO_SWEEP}")


def _protocol(registry: Registry, suite: Suite, cell: Cell) -> str | None:
    """Return ``split.protocol`` of a cell; None if its settings do not fit the recipe, as they may fit its run."""
    request = Request(suite.recipe, None, {**cell.settings, "task": cell.case.task})
    try:
        return finetune_settings(registry, request).config.split.protocol
    except ConfigError:
        return None


def _picked(job: _Job, tried: Sequence[Cell] = ()) -> list[ArmResult]:
    """Return the variants chosen by complete sweeps; cells in ``tried`` count as finished."""
    sweep = [cell for cell in job.every if cell.seed in job.suite.sweep_seeds]
    still = {
        (cell.task, cell.method, cell.arm)
        for cell in sweep
        if job.folder.results(cell) is None and cell not in tried
    }
    return [row for row in _rows(job, sweep) if (row.task, row.method, row.arm) not in still]


def _run(job: _Job, wanted: Sequence[Cell], jobs: int, tell: Tell) -> list[str]:
    """Run the required pre-trainings, then the cells and baselines; return the failures."""
    ended = run_all(job.folder.pretrainings(wanted), jobs, tell)
    failed = {item.work.run for item in ended if item.failure is not None}
    tuned = [cell for cell in wanted if cell.baseline is None and job.folder.start(cell) not in failed]
    ended += run_all([job.folder.work(cell) for cell in tuned], jobs, tell)
    failures = [f"{item.work.label}: {item.failure}" for item in ended if item.failure is not None]
    return failures + _take_baselines(job, wanted, tell)


def _take_baselines(job: _Job, wanted: Sequence[Cell], tell: Tell) -> list[str]:
    """Run the unfinished baselines; return the failures."""
    failures = []
    for cell in wanted:
        if cell.baseline is None or job.folder.results(cell) is not None:
            continue
        label = label_of(cell)
        try:
            results = run_baseline(job.registry, cell.baseline, job.suite.recipe, cell.case.task, cell.settings)
        except UserError as error:
            failures.append(f"{label}: {error}")
            tell(failures[-1])
            continue
        job.folder.write_baseline(cell, results)
        tell(f"{label}: done in {results['seconds']:.1f} s")
    return failures


def _write_outcome(job: _Job) -> tuple[list[ArmResult], list[Difference]]:
    """Write the table of all finished cells."""
    rows = _rows(job, job.every)
    pairs = differences(rows, job.higher_is_better)
    known = turns(job.suite, job.every, _picked(job)).known
    write_outcome(job.folder.path, job.suite, rows, pairs, job.higher_is_better, job.folder.script(known))
    return rows, pairs


def _rows(job: _Job, wanted: Sequence[Cell]) -> list[ArmResult]:
    """Collect the metrics of finished cells and choose each arm's variant on validation."""
    figures = []
    for cell in wanted:
        results = job.folder.results(cell)
        if results is None:
            continue
        metric = job.metrics[cell.task].name
        if metric not in results.test:
            raise ConfigError(f"the task {cell.task!r} has no metric {metric!r}: it has {', '.join(results.test)}")
        valid, test = results.valid.get(metric), results.test[metric]
        figures.append(
            CellResult(
                cell.task, cell.arm, cell.seed, cell.variant, valid, test, cell.method, cell.pretraining_seed
            )
        )
    return chosen_rows(figures, {task: metric.name for task, metric in job.metrics.items()}, job.higher_is_better)


def _listed(names: Sequence[Any]) -> str:
    return ", ".join(map(str, names))
