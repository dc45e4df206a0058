"""Metrics of several fine-tunings of one task: of each, their mean and standard deviation, and of all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from sma_bench.members.folder import Finished
from sma_core.documents import json_text, plain
from sma_core.errors import DataError
from sma_core.files import write_atomically

RESULTS = "results.json"


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (divisor n - 1) of a metric over the runs for which it is defined."""

    mean: float
    deviation: float
    runs: int


@dataclass(frozen=True)
class MembersResult:
    """Metrics of the test rows of several runs in ``out``.

    ``each`` has the metrics of each run, and ``spread`` their mean and standard deviation. ``together`` are the
    metrics of ``rows`` test rows with one prediction each: that of the fold that did not see the row, or the mean
    of all members. ``table`` has these predictions.
    """

    out: Path
    kind: str
    task: str
    metric: str
    each: Mapping[str, dict[str, float]]
    together: dict[str, float]
    rows: int
    table: Path | None = None
    spread: Mapping[str, Spread] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    seconds: float = 0.0

    @classmethod
    def of(
        cls,
        out: Path,
        kind: str,
        finished: Sequence[Finished],
        together: dict[str, float],
        rows: int,
        table: Path | None = None,
        warnings: Sequence[str] = (),
    ) -> Self:
        """Collect the metrics of finished runs."""
        first = finished[0].results
        of_runs = (line for member in finished for line in member.results.get("warnings", ()))
        tests = {member.run.name: member.test for member in finished}
        told = tuple(dict.fromkeys((*warnings, *of_runs)))
        return cls(out, kind, first["task"], first["metric"], tests, together, rows, table, warnings=told)

    def written(self, spread: Mapping[str, Spread], seconds: float) -> Self:
        """Write ``results.json`` to the folder, and return the complete result."""
        result = replace(self, spread=spread, seconds=seconds)
        facts: dict[str, Any] = plain(asdict(result))
        try:
            write_atomically(self.out / RESULTS, json_text(facts, indent=1) + "\n")
        except OSError as error:
            raise DataError(f"cannot write {self.out / RESULTS}: {error.strerror or error}") from error
        return result


def spread_of(finished: Sequence[Finished]) -> dict[str, Spread]:
    """Return mean and standard deviation of each metric over runs."""
    spreads = {}
    for name in finished[0].test:
        values = np.array([member.test.get(name, np.nan) for member in finished])
        known = values[~np.isnan(values)]
        mean = float(known.mean()) if len(known) else float("nan")
        deviation = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
        spreads[name] = Spread(mean, deviation, len(known))
    return spreads
