"""Write the results of a suite: a Markdown table, a JSON file, and all commands."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import tomli_w
import torch

from sma_bench.comparison import ArmResult, Difference
from sma_bench.suites import Suite, task_cases
from sma_core.cli.output import counted
from sma_core.config.layers import dump
from sma_core.documents import json_text
from sma_core.files import write_atomically
from sma_core.runs.results import AUTHORS_PROTOCOL


def write_outcome(
    out: Path,
    suite: Suite,
    rows: Sequence[ArmResult],
    found: Sequence[Difference],
    higher_is_better: Mapping[str, bool],
    script: str,
) -> None:
    """Write ``table.md``, ``results.json``, ``commands.sh`` and a copy of the suite into the suite's folder."""
    out.mkdir(parents=True, exist_ok=True)
    machine = _machine()
    title = f"{suite.summary}\n\nOn {', '.join(f'{name} {value}' for name, value in machine.items())}.\n"
    lines = [title, *table(suite, rows, higher_is_better), "", *protocol(rows), *paired(suite, found), ""]
    write_atomically(out / "table.md", "\n".join(lines))
    figures: dict[str, Any] = {
        "suite": dump(suite),
        "machine": machine,
        "rows": [{**asdict(row), "mean": row.mean, "deviation": row.deviation} for row in rows],
        "differences": [asdict(each) for each in found],
    }
    write_atomically(out / "results.json", json_text(figures, indent=1) + "\n")
    write_atomically(out / "suite.toml", tomli_w.dumps(dump(suite)))
    write_atomically(out / "commands.sh", script)


def table(suite: Suite, rows: Sequence[ArmResult], higher_is_better: Mapping[str, bool]) -> Iterator[str]:
    """Yield the lines of a table of metrics by task, method and arm, with the paper's values."""
    cases = {case.name: case for case in task_cases(suite)}
    columns = ("task", "figure", "method", "arm", "picked on validation", "validation", "test, mean ± std")
    yield f"| {' | '.join((*columns, 'each seed', 'paper'))} |"
    yield f"|{' --- |' * (len(columns) + 2)}"
    for row in rows:
        case = cases[row.task]
        guided = row.arm == "guided" and row.method == "finetune" and case.rows is None
        paper = suite.tasks[case.part].paper if guided else None
        picked = ", ".join(f"{name} {value}" for name, value in row.variant.items())
        arrow = "higher" if higher_is_better[row.task] else "lower"
        cells = [
            case.title,
            f"{row.metric}, {arrow} is better",
            row.method,
            row.arm,
            picked or "-",
            _validation(row),
            f"{row.mean:.3f}" + ("" if row.deviation is None else f" ± {row.deviation:.3f}"),
            ", ".join(f"{value:.3f}" for value in row.test),
            "-" if paper is None else f"{paper:g}",
        ]
        yield f"| {' | '.join(cells)} |"


def _validation(row: ArmResult) -> str:
    """Return the mean validation metric as text; a dash without validation rows."""
    figures = [value for value in row.valid if value is not None]
    return f"{sum(figures) / len(figures):.3f}" if figures else "-"


def protocol(rows: Sequence[ArmResult]) -> Iterator[str]:
    """Yield a note that lists the rows of the table that have no validation rows, if any."""
    arms = dict.fromkeys(f"{row.task} ({row.arm})" for row in rows if None in row.valid)
    if arms:
        yield f"Without a validation figure ({AUTHORS_PROTOCOL}): {', '.join(arms)}.\n"


def paired(suite: Suite, found: Sequence[Difference]) -> Iterator[str]:
    """Yield the lines of a table of paired differences between arms, with the unit of each interval."""
    titles = {case.name: case.title for case in task_cases(suite)}
    yield "| task | figure | method | difference | mean, 95 % interval | unit | better in |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for each in found:
        interval = "" if each.interval is None else f" [{each.interval[0]:+.3f}, {each.interval[1]:+.3f}]"
        cells = [
            titles[each.task],
            each.metric,
            each.method,
            f"{each.arm} - {each.other}",
            f"{each.mean:+.3f}{interval}",
            unit_of(each),
            f"{each.better} of {counted(each.seeds, 'split')}",
        ]
        yield f"| {' | '.join(cells)} |"


def unit_of(difference: Difference) -> str:
    """Say what an interval is over, such as ``3 pre-trainings, 6 splits``, and what it does not cover."""
    if difference.unit == "pre-training":
        text = f"{counted(difference.units, 'pre-training')}, {counted(difference.seeds, 'split')}"
        fixed = f"; {' and '.join(difference.fixed)} has one pre-training" if difference.fixed else ""
        return text + fixed
    text = counted(difference.units, "split")
    if difference.fixed:
        text += f"; one pre-training of {' and '.join(difference.fixed)}, so the interval covers splits only"
    return text


def _machine() -> dict[str, str]:
    """Return the software versions and hardware of this machine."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return {
        "sma-core": metadata.version("sma-core"),
        "torch": torch.__version__,
        "Python": platform.python_version(),
        "processor": f"{device} with {os.cpu_count()} cores",
    }
