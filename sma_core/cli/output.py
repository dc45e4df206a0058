"""What commands print: notes and progress on stderr, results on stdout.

Public API for authors of commands: `progress`, `waiting`, `aligned` and `as_json_text`.
"""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from sma_core.cli.ranks import is_silent

if TYPE_CHECKING:
    from sma_core.runs.results import FinetuneResult, Plan, TrainResult
    from sma_core.training.progress import ProgressDisplay


def progress(reading: str = "preparing") -> ProgressDisplay:
    """Return the observer that shows a run's progress on stderr; ``reading`` is said while rows are read."""
    from sma_core.training.progress import ProgressDisplay

    return ProgressDisplay(Console(stderr=True), reading=reading)


def waiting(doing: str) -> AbstractContextManager[object]:
    """Say on a terminal's stderr what is being done, for as long as it takes; elsewhere nothing is said."""
    return Console(stderr=True).status(doing)


def aligned(rows: Sequence[Sequence[str]], right: Container[int] = ()) -> list[str]:
    """Return a table's lines, cells padded to the widest of their column, those of ``right`` to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def print_result(result: TrainResult | FinetuneResult, as_json: bool, following: str) -> None:
    """Print what a run gave and the command to type next."""
    if is_silent():
        return
    if as_json:
        typer.echo(as_json_text(result))
        return
    for line in result.lines():
        typer.echo(line)
    typer.echo(following)


def print_dry_run(plan: Plan, as_json: bool) -> None:
    """Print resolved settings, parameter count and steps."""
    if as_json:
        typer.echo(as_json_text(plan))
        return
    for setting, value in plan.settings.items():
        typer.echo(f"{setting} = {value}")
    typer.echo(f"parameters: {plan.parameters:,}")
    typer.echo(f"steps: {plan.steps}")


def as_json_text(result: Any) -> str:  # noqa: ANN401 - a result of any verb
    """Write a verb's result, or a list of them, as JSON."""
    from sma_core.runs.results import plain

    return json.dumps(plain([asdict(each) for each in result] if isinstance(result, list) else asdict(result)))
