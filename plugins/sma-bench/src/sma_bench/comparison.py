"""Summarise the metrics of cells: means, standard deviations and paired differences.

The variant of each arm is chosen on validation metrics alone.
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from sma_core.errors import ConfigError

NO_SWEEP = (
    "a sweep chooses a value on validation rows, which split.protocol=authors has not: remove the sweep, or leave "
    "split.protocol at validation"
)


@dataclass(frozen=True)
class CellResult:
    """One cell's metric on validation, None without validation rows, and on test."""

    task: str
    arm: str
    seed: int
    variant: Mapping[str, Any]
    valid: float | None
    test: float


@dataclass(frozen=True)
class ArmResult:
    """One task and arm: the variant chosen on validation, and its metrics by seed."""

    task: str
    metric: str
    arm: str
    variant: Mapping[str, Any]
    seeds: tuple[int, ...]
    valid: tuple[float | None, ...]
    test: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean of the test metrics."""
        return statistics.fmean(self.test)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the test metrics over seeds (divisor n - 1); None with one seed."""
        return statistics.stdev(self.test) if len(self.test) > 1 else None


@dataclass(frozen=True)
class Difference:
    """Arm minus other arm on the same seeds: mean, Student's t interval, and number of seeds with a better arm."""

    task: str
    metric: str
    arm: str
    other: str
    mean: float
    interval: tuple[float, float] | None
    better: int
    seeds: int


def chosen_rows(
    figures: Sequence[CellResult], metrics: Mapping[str, str], higher_is_better: Mapping[str, bool]
) -> list[ArmResult]:
    """Return one row for each task and arm, in order of first occurrence.

    In an incomplete suite, variants with fewer seeds than another variant of their arm are skipped. Raises
    `ConfigError` when there are several variants and no validation metrics to choose one by.
    """
    rows = []
    for task, arm in dict.fromkeys((item.task, item.arm) for item in figures):
        variants = list(_variants(figures, task, arm))
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


def _variants(figures: Sequence[CellResult], task: str, arm: str) -> Iterator[list[CellResult]]:
    matching = [item for item in figures if (item.task, item.arm) == (task, arm)]

    def key(item: CellResult) -> str:
        return json.dumps(item.variant, sort_keys=True, default=str)

    for _, group in itertools.groupby(sorted(matching, key=key), key=key):
        yield list(group)


def differences(
    rows: Sequence[ArmResult], higher_is_better: Mapping[str, bool], confidence: float = 0.95
) -> list[Difference]:
    """Compare all pairs of arms of a task that have the same seeds."""
    found = []
    for first, second in itertools.combinations(rows, 2):
        if first.task == second.task and first.seeds == second.seeds:
            found.append(_difference(first, second, higher_is_better[first.task], confidence))
    return found


def _difference(first: ArmResult, second: ArmResult, higher: bool, confidence: float) -> Difference:
    deltas = np.subtract(first.test, second.test)
    count, mean = len(deltas), float(deltas.mean())
    interval = None
    if count > 1:
        half = float(stats.t.ppf((1 + confidence) / 2, count - 1) * deltas.std(ddof=1) / np.sqrt(count))
        interval = (mean - half, mean + half)
    better = int((deltas > 0).sum() if higher else (deltas < 0).sum())
    return Difference(first.task, first.metric, first.arm, second.arm, mean, interval, better, count)
