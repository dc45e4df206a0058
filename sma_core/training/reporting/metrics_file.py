"""``metrics.jsonl``, one JSON object per line: written by an observer, truncated on resume."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from sma_core.documents import json_text, parse_record
from sma_core.errors import UserError
from sma_core.files import write_atomically
from sma_core.plugins.events import Evaluated, Event, StepLogged
from sma_core.plugins.hookspecs import hookimpl

logger = logging.getLogger("sma")


class MetricsLine(BaseModel):
    """A line of the file: the step, and metrics by name."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, int | float | None]

    step: NonNegativeInt
    time: float = 0.0


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
                "loss": event.loss,
                "learning_rate": event.learning_rate,
                "samples_per_second": round(event.samples_per_second, 2),
                "gradient_norm": float(f"{event.gradient_norm:.4g}"),
            }
            self._append(line | ({"skipped": event.skipped} if event.skipped else {}))
        elif isinstance(event, Evaluated):
            self._append({"step": event.step, "time": round(event.elapsed, 3), **event.metrics})

    def _append(self, values: dict[str, Any]) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json_text(values) + "\n")
        except OSError as error:
            raise _cannot_write(self._path, error) from error


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return all lines that are whole; a metric without a value is NaN."""
    return [
        {name: math.nan if value is None else value for name, value in line.model_dump(exclude_unset=True).items()}
        for _, line in _whole_lines(path)
        if line is not None
    ]


def cut_metrics(path: Path, step: int) -> None:
    """Remove the lines after ``step``, which a resumed run writes again, and with a warning the damaged ones.

    Raises `UserError` if the file cannot be written.
    """
    try:
        lines = list(_whole_lines(path))
        damaged = sum(line is None for _, line in lines[:-1])  # the last one of a killed process may be cut
        if damaged:
            lines_are = "1 damaged line of the curve is" if damaged == 1 else f"{damaged} damaged lines are"
            logger.warning("%s: %s left out", path, lines_are)
        write_atomically(path, "".join(text + "\n" for text, line in lines if line and line.step <= step))
    except OSError as error:
        raise _cannot_write(path, error) from error


def _whole_lines(path: Path) -> Iterator[tuple[str, MetricsLine | None]]:
    """Yield the text of each line with its content, None where it is damaged."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for text in filter(str.strip, file):
            try:
                yield text.rstrip("\n"), parse_record(text, MetricsLine)
            except ValueError:
                yield text, None


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write {path}: {error.strerror or error}; checkpoints are unchanged: fix the cause, then continue "
        "with `resume`"
    )
