"""What verbs print: notes and progress on stderr, results on stdout."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from sma_core.training.progress import ProgressDisplay
    from sma_core.verbs.results import FinetuneResult, Plan, TrainResult


def progress() -> ProgressDisplay:
    """Return the observer that shows a run's progress on stderr."""
    from sma_core.training.progress import ProgressDisplay

    return ProgressDisplay(Console(stderr=True))


def print_result(result: TrainResult | FinetuneResult, as_json: bool, following: str) -> None:
    """Print what a run gave and the command to type next."""
    if as_json:
        typer.echo(json.dumps(_plain(asdict(result))))
        return
    for line in result.lines():
        typer.echo(line)
    typer.echo(following)


def print_dry_run(plan: Plan, as_json: bool) -> None:
    """Print resolved settings, parameter count and steps."""
    if as_json:
        typer.echo(json.dumps(_plain(asdict(plan))))
        return
    for setting, value in plan.settings.items():
        typer.echo(f"{setting} = {value}")
    typer.echo(f"parameters: {plan.parameters:,}")
    typer.echo(f"steps: {plan.steps}")


def _plain(value: Any) -> Any:  # noqa: ANN401 - walks any JSON-like value
    """Turn paths into text, for JSON."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value
