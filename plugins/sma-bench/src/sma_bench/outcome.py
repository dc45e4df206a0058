"""Write the results of a suite: a Markdown table, a JSON file, and all commands."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from sma_bench.comparison import ArmResult, Difference
from sma_bench.suites import Suite
from sma_core.config.layers import dump
from sma_core.files import write_atomically
from sma_core.runs.results import AUTHORS_PROTOCOL


def write_outcome(
    out: Path,
    suite: Suite,
    rows: Sequence[ArmResult],
    found: Sequence[Difference],
    higher_is_better: Mapping[str, bool],
    commands: Sequence[str],
) -> None:
    """Write ``table.md``, ``results.json`` and ``commands.sh`` into the suite's folder."""
    out.mkdir(parents=True, exist_ok=True)
    machine = _machine()
    title = f"{suite.summary}\n\nOn {', '.join(f'{name} {value}' for name, value in machine.items())}.\n"
    lines = [title, *table(suite, rows, higher_is_better), "", *protocol(rows), *paired(found), ""]
    write_atomically(out / "table.md", "\n".join(lines))
    figures: dict[str, Any] = {
        "suite": dump(suite),
        "machine": machine,
        "rows": [{**asdict(row), "mean": row.mean, "deviation": row.deviation} for row in rows],
        "differences": [asdict(each) for each in found],
    }
    write_atomically(out / "results.json", json.dumps(figures, indent=1, default=str) + "\n")
    write_atomically(out / "commands.sh", "\n".join(commands) + "\n")


def table(suite: Suite, rows: Sequence[ArmResult], higher_is_better: Mapping[str, bool]) -> Iterator[str]:
    """Yield the lines of a table of metrics by task and arm, with the paper's values for the guided arm."""
    yield "| task | figure | arm | picked on validation | validation | test, mean ± std | each seed | paper |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        paper = suite.tasks[row.task].paper if row.arm == "guided" else None
        picked = ", ".join(f"{name} {value}" for name, value in row.variant.items())
        arrow = "higher" if higher_is_better[row.task] else "lower"
        cells = [
            row.task,
            f"{row.metric}, {arrow} is better",
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


def paired(found: Sequence[Difference]) -> Iterator[str]:
    """Yield the lines of a table of paired differences between arms."""
    yield "| task | figure | difference | mean, 95 % interval | better in |"
    yield "| --- | --- | --- | --- | --- |"
    for each in found:
        interval = "" if each.interval is None else f" [{each.interval[0]:+.3f}, {each.interval[1]:+.3f}]"
        pair, share = f"{each.arm} - {each.other}", f"{each.better} of {each.seeds} seeds"
        yield f"| {each.task} | {each.metric} | {pair} | {each.mean:+.3f}{interval} | {share} |"


def _machine() -> dict[str, str]:
    """Return the software versions and hardware of this machine."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return {
        "sma-core": metadata.version("sma-core"),
        "torch": torch.__version__,
        "Python": platform.python_version(),
        "processor": f"{device} with {os.cpu_count()} cores",
    }
