"""Summarise the metrics of cells: means, standard deviations and paired differences.

The variant of each arm is chosen on validation metrics alone. The unit of a paired difference is the pre-training:
the differences of all splits of a pre-training are averaged first, since they share its weights.
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from sma_core.errors import ConfigError

NO_SWEEP = (
    "a sweep chooses a value on validation rows, which split.protocol=authors has not: remove the sweep, or leave "
    "split.protocol at validation"
)
Unit = Literal["pre-training", "split"]
"""What a paired difference has several of."""


@dataclass(frozen=True)
class CellResult:
    """One cell's metric on validation, None without validation rows, and on test.

    ``pretraining`` is the seed of the pre-training that it starts from, 0 for a run, None for random weights and
    baselines.
    """

    task: str
    arm: str
    seed: int
    variant: Mapping[str, Any]
    valid: float | None
    test: float
    method: str = "finetune"
    pretraining: int | None = None


@dataclass(frozen=True)
class ArmResult:
    """One task, method and arm: the variant chosen on validation, and its metrics by seed."""

    task: str
    metric: str
    arm: str
    variant: Mapping[str, Any]
    seeds: tuple[int, ...]
    valid: tuple[float | None, ...]
    test: tuple[float, ...]
    method: str = "finetune"
    pretrainings: tuple[int | None, ...] = ()

    @property
    def mean(self) -> float:
        """Mean of the test metrics."""
        return statistics.fmean(self.test)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the test metrics over seeds (divisor n - 1); None with one seed."""
        return statistics.stdev(self.test) if len(self.test) > 1 else None

    @property
    def starts(self) -> frozenset[int]:
        """Seeds of its pre-trainings; empty without pre-training."""
        return frozenset(start for start in self.pretrainings if start is not None)


@dataclass(frozen=True)
class Difference:
    """Arm minus other arm on the same seeds: mean, interval of Student's t, and how often it is better.

    The interval is over ``units`` values: the mean over the splits of each pre-training, or one value per split.
    ``interval`` and ``spread``, the standard deviation of those values (divisor n - 1), are None with one unit.
    ``better`` counts the seeds, of ``seeds``, with a better arm. ``fixed`` names the arms with a single
    pre-training; the interval does not cover how pre-trainings of such an arm vary.
    """

    task: str
    metric: str
    arm: str
    other: str
    mean: float
    interval: tuple[float, float] | None
    better: int
    seeds: int
    method: str = "finetune"
    unit: Unit = "split"
    units: int = 0
    spread: float | None = None
    fixed: tuple[str, ...] = ()


def chosen_rows(
    figures: Sequence[CellResult], metrics: Mapping[str, str], higher_is_better: Mapping[str, bool]
) -> list[ArmResult]:
    """Return one row for each task, method and arm, in order of first occurrence of the task and of the method.

    In an incomplete suite, variants with fewer seeds than another variant of their arm are skipped. Raises
    `ConfigError` when there are several variants and no validation metrics to choose one by.
    """
    rows = []
    for task, method, arm in _groups(figures):
        variants = list(_variants(figures, task, method, arm))
        most = max(map(len, variants))
        sign = 1.0 if higher_is_better[task] else -1.0
        complete = [group for group in variants if len(group) == most]
        best = complete[0] if len(complete) == 1 else _best(complete, sign)
        best = sorted(best, key=lambda item: item.seed)
        rows.append(
            ArmResult(
                task,
                metrics[task],
                arm,
                best[0].variant,
                tuple(item.seed for item in best),
                tuple(item.valid for item in best),
                tuple(item.test for item in best),
                method,
                tuple(item.pretraining for item in best),
            )
        )
    return rows


def _best(variants: Sequence[list[CellResult]], sign: float) -> list[CellResult]:
    """Return the variant with the largest ``sign`` times mean validation metric."""

    def worth(group: list[CellResult]) -> float:
        figures = [item.valid for item in group if item.valid is not None]
        if len(figures) < len(group):
            raise ConfigError(f"{group[0].task}: {NO_SWEEP}")
        return sign * statistics.fmean(figures)

    return max(variants, key=worth)


def _groups(figures: Sequence[CellResult]) -> Iterator[tuple[str, str, str]]:
    """Yield each task, method and arm once; methods of a task follow each other."""
    for task in dict.fromkeys(item.task for item in figures):
        inside = [item for item in figures if item.task == task]
        for method in dict.fromkeys(item.method for item in inside):
            for arm in dict.fromkeys(item.arm for item in inside if item.method == method):
                yield task, method, arm


def _variants(figures: Sequence[CellResult], task: str, method: str, arm: str) -> Iterator[list[CellResult]]:
    matching = [item for item in figures if (item.task, item.method, item.arm) == (task, method, arm)]

    def key(item: CellResult) -> str:
        return json.dumps(item.variant, sort_keys=True, default=str)

    for _, group in itertools.groupby(sorted(matching, key=key), key=key):
        yield list(group)


def differences(
    rows: Sequence[ArmResult], higher_is_better: Mapping[str, bool], confidence: float = 0.95
) -> list[Difference]:
    """Compare all pairs of arms of a task that have the same seeds and method; baselines with every method."""
    pairs = []
    for first, second in itertools.combinations(rows, 2):
        methods = {first.method, second.method} - {"baseline"}
        if first.task == second.task and first.seeds == second.seeds and len(methods) < 2:
            pairs.append(_difference(first, second, higher_is_better[first.task], confidence))
    return pairs


def _difference(first: ArmResult, second: ArmResult, higher: bool, confidence: float) -> Difference:
    deltas = np.subtract(first.test, second.test)
    unit, values = _units(first, second, deltas.tolist())
    count, mean = len(values), statistics.fmean(values)
    spread = statistics.stdev(values) if count > 1 else None
    interval = None
    if spread is not None:
        half = float(stats.t.ppf((1 + confidence) / 2, count - 1) * spread / np.sqrt(count))
        interval = (mean - half, mean + half)
    methods = [method for method in (first.method, second.method) if method != "baseline"]
    return Difference(
        first.task,
        first.metric,
        first.arm,
        second.arm,
        mean,
        interval,
        better=int((deltas > 0).sum() if higher else (deltas < 0).sum()),
        seeds=len(deltas),
        method=methods[0] if methods else "baseline",
        unit=unit,
        units=count,
        spread=spread,
        fixed=tuple(row.arm for row in (first, second) if len(row.starts) == 1),
    )


def _units(first: ArmResult, second: ArmResult, deltas: Sequence[float]) -> tuple[Unit, list[float]]:
    """Average the differences of seeds that share their pre-trainings.

    Where no arm has several pre-trainings, every split is a unit.
    """
    if max(len(first.starts), len(second.starts)) < 2:
        return "split", list(deltas)
    none = (None,) * len(deltas)
    groups: dict[tuple[int | None, int | None], list[float]] = {}
    for pair, delta in zip(
        zip(first.pretrainings or none, second.pretrainings or none, strict=True), deltas, strict=True
    ):
        groups.setdefault(pair, []).append(delta)
    return "pre-training", [statistics.fmean(group) for group in groups.values()]
