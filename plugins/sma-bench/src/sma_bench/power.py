"""Power of a suite: the smallest difference between two arms that it can see, known before it runs.

For a two-sided test at 5 % with a power of 80 %, n = (2.8 s / d)^2 + 2 paired values are needed to see a
difference d, where s is the standard deviation of the paired differences; the 2 allows for Student's t. Solved for
d: d = 2.8 s / sqrt(n - 2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sma_bench.comparison import Difference, Unit
from sma_bench.suites import Suite, TaskCase, task_cases

FACTOR = 2.8
"""Quantiles of the normal distribution for 5 % (two-sided) and for a power of 80 %: 1.96 + 0.84."""
FEWEST_PAIRS = 3
"""Finished pairs from which the spread is taken."""


@dataclass(frozen=True)
class Power:
    """What a suite can see for a task, judged by one method.

    The suite has ``units`` paired values (see `Difference`). Their standard deviation ``spread``, in the units of
    ``metric``, comes from finished cells of ``pair`` or from the suite (``source``); None when unknown.
    ``difference`` is the smallest one that the suite sees, None when the spread is unknown; ``in_spreads`` is the
    same divided by the spread. Both are None with fewer than 3 units.
    """

    task: str
    method: str
    metric: str
    unit: Unit
    units: int
    spread: float | None
    source: str | None
    pair: tuple[str, str] | None
    difference: float | None
    in_spreads: float | None

    def line(self) -> str:
        """Return a sentence for the user."""
        where = f"{self.task} ({self.method})"
        units = f"{self.units} {self.unit}{'' if self.units == 1 else 's'}"
        if self.in_spreads is None:
            return f"{where}: no difference can be seen with {units}; at least 3 are needed"
        if self.difference is None:
            return f"{where}: {self.metric} {self.in_spreads:.2g} s with {units}; the spread s is unknown"
        pair = f" of {' - '.join(self.pair)}" if self.pair else ""
        spread = f"spread {self.spread:.2g}{pair}, {self.source}"
        return f"{where}: {self.metric} {self.difference:.2g} with {units}; {spread}"


def power_lines(power: Sequence[Power]) -> list[str]:
    """Return a heading, one line for each task and method, and a hint where spreads are unknown."""
    lines = ["smallest difference between two arms that the complete suite can see (two-sided 5 %, power 80 %):"]
    lines += [f"  {item.line()}" for item in power]
    if any(item.in_spreads is not None and item.spread is None for item in power):
        lines.append(
            f"  s is the standard deviation of paired differences, known once {FEWEST_PAIRS} pairs are finished "
            "or given as spread in the suite's task"
        )
    return lines


def visible_difference(units: int) -> float | None:
    """Return the smallest visible difference in units of the spread; None with 2 units or fewer.

    >>> visible_difference(6), visible_difference(2)
    (1.4, None)
    """
    return FACTOR / math.sqrt(units - 2) if units > 2 else None


def suite_power(suite: Suite, metrics: Mapping[str, str], found: Sequence[Difference]) -> list[Power]:
    """Return what the complete suite can see, for each task and method.

    ``metrics`` names the metric of each task; ``found`` are the differences between finished cells.
    """
    return [_power(suite, case, method, metrics[case.name], found) for case, method in _judged(suite)]


def _judged(suite: Suite) -> Iterator[tuple[TaskCase, str]]:
    """Yield each task with each method; one that only compares baselines has one method."""
    for case in task_cases(suite):
        if not suite.arms and not suite.runs:
            yield case, "baseline"
            continue
        for method in suite.tasks[case.part].methods or suite.methods:
            yield case, method


def _power(suite: Suite, case: TaskCase, method: str, metric: str, found: Sequence[Difference]) -> Power:
    several = bool(suite.pretrained_arms) and len(suite.pretraining.seeds) > 1
    unit: Unit = "pre-training" if several else "split"
    units = len(suite.pretraining.seeds) if several else len(suite.seeds)
    part = suite.tasks[case.part]
    finished = next(
        (
            item
            for item in found
            if (item.task, item.method, item.unit) == (case.name, method, unit) and item.units >= FEWEST_PAIRS
        ),
        None,
    )
    spread, source, pair = part.spread, None if part.spread is None else "from the suite", None
    if finished is not None and finished.spread is not None:
        spread, source, pair = finished.spread, "from finished cells", (finished.arm, finished.other)
    least = visible_difference(units)
    difference = None if spread is None or least is None else least * spread
    return Power(case.title, method, metric, unit, units, spread, source, pair, difference, least)
