"""Output of commands: notes and progress on stderr, results on stdout.

Public API for authors of commands: `echo`, `progress`, `waiting`, `aligned`, `counted` and `as_json_text`.
"""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from sma_core.cli.program.option_names import in_options
from sma_core.cli.program.ranks import is_silent
from sma_core.printable import counted as counted
from sma_core.printable import message_text, printable

if TYPE_CHECKING:
    from sma_core.runs.results import FinetuneResult, Plan, PredictResult, TrainResult
    from sma_core.training.reporting.progress import ProgressDisplay
    from sma_core.verbs.embed import EmbedResult


def echo(text: str, err: bool = False) -> None:
    """Print a text; control characters in it, which names and rows may contain, are shown as escapes."""
    typer.echo(printable(text), err=err)


def progress(reading: str = "preparing", after: str | None = None) -> ProgressDisplay:
    """Return an observer that shows a run's progress on stderr.

    ``reading`` is the label while rows are read, ``after`` a line that says what follows the training.
    """
    from rich.console import Console

    from sma_core.training.reporting.progress import ProgressDisplay

    return ProgressDisplay(Console(stderr=True), reading=reading, after=after)


def waiting(activity: str) -> AbstractContextManager[object]:
    """Show ``activity`` on stderr until the context ends, if stderr is a terminal."""
    from rich.console import Console

    return Console(stderr=True).status(activity)


def aligned(rows: Sequence[Sequence[str]], right: Container[int] = ()) -> list[str]:
    """Return the lines of a table with padded columns; the columns in ``right`` are aligned right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def metric_text(value: float) -> str:
    """Return a metric with four decimals, or with four digits if it is very small or large.

    >>> metric_text(0.85084), metric_text(5.1234e-9), metric_text(1.6e36)
    ('0.8508', '5.123e-09', '1.6e+36')
    """
    usual = value == 0 or 0.001 <= abs(value) < 1e7 or value != value
    return f"{value:.4f}" if usual else f"{value:.4g}"


def print_result(
    result: TrainResult | FinetuneResult, as_json: bool, lines: Sequence[str], next_command: str
) -> None:
    """Print the result of a run as JSON, or ``lines`` and the command to run next; silent on ranks above 0."""
    if is_silent():
        return
    if as_json:
        echo(as_json_text(result))
        return
    for line in [*lines, next_command]:
        echo(line)


def warning_lines(warnings: Sequence[str]) -> list[str]:
    """Return the warnings of a result as lines, which name the command's options."""
    return [message_text(f"warning: {in_options(sentence)}") for sentence in warnings]


def counts(result: PredictResult | EmbedResult) -> dict[str, int]:
    """Return the numbers of rows of a result, for its JSON."""
    fields = ("rows", "unusable", "truncated", "windowed")
    return {field: getattr(result, field) for field in fields}


def tell_long_rows(result: PredictResult | EmbedResult) -> None:
    """Say on stderr how many rows were read in windows or truncated, as a warning if these are many."""
    from sma_core.data.unusual_rows.truncation import truncation_note, truncation_warnings

    note = truncation_note(result.truncated, result.rows, result.max_length)
    if note is not None:
        many = truncation_warnings(result.truncated, result.rows, result.max_length)
        note = in_options(f"{note}; `window_overlap=N` reads them whole")
        echo(f"warning: {note}" if many else note, err=True)
    if result.windowed:
        longer = f"longer than model.max_length ({result.max_length:,}) and read in windows"
        echo(f"{result.windowed:,} of {counted(result.rows, 'row')}: {longer}", err=True)


def print_dry_run(plan: Plan, as_json: bool) -> None:
    """Print the resolved settings, the number of parameters and the steps."""
    if as_json:
        echo(as_json_text(plan))
        return
    for setting, value in plan.settings.items():
        echo(f"{setting} = {value}")
    echo(f"parameters: {plan.parameters:,}")
    echo(f"steps: {plan.steps}")
    for note in plan.notes:
        echo(in_options(note))


def as_json_text(result: Any) -> str:  # noqa: ANN401 - a result of any verb
    """Return a verb's result, or a list of results, as JSON."""
    from sma_core.documents import plain

    return json.dumps(plain([asdict(item) for item in result] if isinstance(result, list) else asdict(result)))
