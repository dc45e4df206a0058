"""``metrics.jsonl``, one JSON object per line: written by an observer, truncated on resume."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from sma_core.errors import UserError
from sma_core.files import write_atomically
from sma_core.plugins.events import Evaluated, Event, StepLogged
from sma_core.plugins.hookspecs import hookimpl


class MetricsFile:
    """Observer that appends a line for every logged step and every evaluation."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @hookimpl
    def sma_on_event(self, event: Event) -> None:
        """Write the metrics of an event; raises `UserError` if the file cannot be written."""
        if isinstance(event, StepLogged):
            line = {
                "step": event.step,
                "time": round(event.elapsed, 3),
                "epoch": round(event.epoch, 4),
                "loss": event.loss if math.isfinite(event.loss) else None,
                "learning_rate": event.learning_rate,
                "samples_per_second": round(event.samples_per_second, 2),
            }
            self._append(line | ({"skipped": event.skipped} if event.skipped else {}))
        elif isinstance(event, Evaluated):
            self._append({"step": event.step, "time": round(event.elapsed, 3), **event.metrics})

    def _append(self, values: dict[str, Any]) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")
        except OSError as error:
            raise _cannot_write(self._path, error) from error


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read all complete lines; a truncated last line is skipped."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


def cut_metrics(path: Path, step: int) -> None:
    """Remove the lines after ``step``, which a resumed run writes again.

    Raises `UserError` if the file cannot be written.
    """
    lines = [line for line in read_metrics(path) if line.get("step", 0) <= step]
    try:
        write_atomically(path, "".join(json.dumps(line) + "\n" for line in lines))
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write {path}: {error.strerror or error}; checkpoints are unchanged: fix the cause, then continue "
        "with `resume`"
    )
