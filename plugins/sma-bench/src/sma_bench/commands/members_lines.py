"""Show the result of several fine-tunings in the terminal."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sma_core.cli.output import aligned, counted, echo, metric_text, warning_lines

if TYPE_CHECKING:
    from sma_bench.members.result import MembersResult


def echo_members(result: MembersResult, together: str) -> None:
    """Print metrics of each run, their mean and standard deviation, and those of all runs ``together``."""
    metrics = list(result.together or next(iter(result.each.values())))
    if not metrics:
        echo("no test: the validation metrics selected the checkpoints, so they are too good")
    else:
        rows = [["", *metrics]]
        rows += [
            [name, *(metric_text(test.get(metric, float("nan"))) for metric in metrics)]
            for name, test in result.each.items()
        ]
        for title, part in (("mean", "mean"), ("std", "deviation")):
            rows.append([title, *(metric_text(getattr(result.spread[metric], part)) for metric in metrics)])
        if result.together:
            rows.append([together, *(metric_text(result.together[metric]) for metric in metrics)])
        runs, minutes = counted(len(result.each), result.kind), result.seconds / 60
        echo(f"{result.task}: test metrics of {runs}, {minutes:.1f} min")
        echo("\n".join(aligned(rows, right=set(range(1, len(metrics) + 1)))))
    for line in warning_lines(result.warnings):
        echo(line)
    if result.table is not None:
        echo(f"{counted(result.rows, 'row')} with predictions in {result.table}")
    echo(f"folder {result.out}\nnext: sma predict --model {shlex.quote(str(result.out))} FILE")
