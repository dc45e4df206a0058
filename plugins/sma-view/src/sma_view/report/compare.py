"""`compare`: settings and figures of runs side by side, and paired differences on the same test rows.

Letters: n rows that all runs predict, T targets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.errors import SmaError, UserError
from sma_core.evaluation.bootstrap import percentile_intervals
from sma_core.evaluation.metric_set import CLASS_KINDS, MetricSet
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_view.report.predictions import TargetPredictions, judge_rows
from sma_view.report.report import labels_of
from sma_view.report.run_facts import RunFacts

DRAWS, CONFIDENCE, SEED = 1000, 0.95, 0


@dataclass(frozen=True)
class Difference:
    """A test metric of a run minus that of the first run, with its 95 % interval by the paired bootstrap of rows.

    ``better_rows`` is the share of the ``rows`` whose error is smaller than the first run's, ``equal_rows`` that
    of equal ones; None where rows have no error of their own.
    """

    run: str
    metric: str
    value: float
    low: float
    high: float
    rows: int
    better_rows: float | None = None
    equal_rows: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Runs by name, settings that differ (name -> value of each run), figures of each run, and differences.

    ``lacking`` tells why there are no differences.
    """

    runs: tuple[str, ...]
    settings: Mapping[str, tuple[str, ...]]
    figures: Mapping[str, tuple[float | None, ...]]
    differences: tuple[Difference, ...]
    lacking: str = ""


def compare(runs: Sequence[str | Path], *, policy: PluginPolicy | None = None) -> Comparison:
    """Compare runs with the first of them.

    Fine-tuned runs of one kind and the same targets are compared on the test rows that all of them have: each
    predicts them again.

    Raises:
        CheckpointError: A run is no run folder, or is damaged.
        UserError: There are fewer than two runs.
    """
    if len(runs) < 2:
        raise UserError("name at least two runs")
    named = labels_of([RunFacts.read(as_path(run), policy, with_recipe=False) for run in runs])
    differences, lacking = _differences(named, policy)
    return Comparison(tuple(named), _settings(named), _figures(named), tuple(differences), lacking)


def _settings(runs: Mapping[str, RunFacts]) -> dict[str, tuple[str, ...]]:
    names = dict.fromkeys(name for run in runs.values() for name in run.settings)
    values = {name: tuple(_shown(run.settings.get(name, "none")) for run in runs.values()) for name in names}
    return {name: shown for name, shown in values.items() if len(set(shown)) > 1}


def _shown(value: Any) -> str:  # noqa: ANN401 - a setting may be of any type
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def _figures(runs: Mapping[str, RunFacts]) -> dict[str, tuple[float | None, ...]]:
    """Return the test metrics and losses of each run, None where a run lacks one."""
    columns = [_figures_of(run) for run in runs.values()]
    names = dict.fromkeys(name for column in columns for name in column)
    return {name: tuple(column.get(name) for column in columns) for name in names}


def _figures_of(run: RunFacts) -> dict[str, float]:
    results = run.results
    if run.is_finetuned:
        return {
            f"{part} {name}": value
            for part in ("valid", "test")
            for name, value in (results.get(part) or {}).items()
        }
    names = ("held_out_last", "held_out_random_last", "step", "seconds")
    return {name: float(results[name]) for name in names if name in results}


def _differences(runs: Mapping[str, RunFacts], policy: PluginPolicy | None) -> tuple[list[Difference], str]:
    """Return the differences from the first run, or why there are none."""
    first = next(iter(runs.values()))
    if not all(run.is_finetuned for run in runs.values()):
        return [], "paired differences are those of fine-tuned runs"
    if not all(run.results.get("test") for run in runs.values()):
        return [], "a run has no test metrics"
    try:
        judged = {name: judge_rows(run.path, "test", 0, policy) for name, run in runs.items()}
    except SmaError as error:
        return [], f"the test rows cannot be read: {error}"
    kinds = {rows.result.kind for rows in judged.values()}
    targets = {tuple(target.name for target in rows.targets) for rows in judged.values()}
    sources = {rows.result.data for rows in judged.values()}
    for what, values in (("kinds of labels", kinds), ("targets", targets), ("rows", sources)):
        if len(values) > 1:
            return [], f"the runs have different {what}: {', '.join(map(str, sorted(values, key=str)))}"
    kind = kinds.pop()
    if kind == "per-position":
        return [], "paired differences are not made for labels of positions"
    metrics = MetricSet.of(Registry.load(first.record.domain.name, policy), kind)
    (name, base), *rest = judged.items()
    differences: list[Difference] = []
    for other, rows in rest:
        pair = _Pair.of(base.targets, rows.targets, kind)
        if pair is None:
            return [], f"{name} and {other} have no test rows with the same labels"
        differences += pair.differences(other, metrics)
    return differences, ""


@dataclass(frozen=True)
class _Pair:
    """Labels (n, T) and predictions (n, T) of two runs for the same rows."""

    kind: str
    labels: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    @classmethod
    def of(
        cls, first: Sequence[TargetPredictions], second: Sequence[TargetPredictions], kind: str
    ) -> _Pair | None:
        """Return the rows that both runs predict for every target, None if there are none, or labels differ."""
        numbers = set.intersection(*(set(target.rows.tolist()) for target in (*first, *second)))
        if not numbers:
            return None
        rows = sorted(numbers)
        classes: dict[str, int] = {}
        own, labels = zip(*(_columns(target, rows, classes) for target in first), strict=True)
        other, again = zip(*(_columns(target, rows, classes) for target in second), strict=True)
        if not np.array_equal(np.stack(labels), np.stack(again)):
            return None
        return cls(kind, *(np.stack(columns, axis=1) for columns in (labels, own, other)))

    def differences(self, run: str, metrics: MetricSet) -> list[Difference]:
        """Return the difference of each metric, the second run's minus the first's."""

        def at(rows: NDArray[np.int64]) -> dict[str, float]:
            one, two = (metrics.compute(self.labels[rows], values[rows]) for values in (self.first, self.second))
            return {name: two[name] - one[name] for name in one}

        count = len(self.labels)
        values = at(np.arange(count))
        intervals = percentile_intervals(at, count, DRAWS, CONFIDENCE, SEED)
        errors = [self._errors(values) for values in (self.first, self.second)]
        better, equal = float(np.mean(errors[1] < errors[0])), float(np.mean(errors[1] == errors[0]))
        return [
            Difference(run, name, value, *intervals[name], count, better, equal)
            for name, value in values.items()
            if not np.isnan(value)
        ]

    def _errors(self, predictions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an error (n,) of each row: the mean distance from the labels, or whether the class is wrong."""
        if self.kind in CLASS_KINDS:
            return np.asarray(predictions[:, 0] != self.labels[:, 0], dtype=np.float64)
        return np.asarray(np.abs(predictions - self.labels).mean(axis=1))


def _columns(
    target: TargetPredictions, rows: Sequence[int], classes: dict[str, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the predictions (n,) and labels (n,) of ``rows``; ``classes`` numbers the names of classes."""
    places = {row: index for index, row in enumerate(target.rows.tolist())}
    chosen = [places[row] for row in rows]
    if target.kind in CLASS_KINDS:
        numbered = [
            np.array([float(classes.setdefault(names[index], len(classes))) for index in chosen])
            for names in (target.predicted_names, target.label_names)
        ]
        return numbered[0], numbered[1]
    return target.values[chosen], target.labels[chosen]
