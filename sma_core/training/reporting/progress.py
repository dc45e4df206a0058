"""Display the progress of a run: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sma_core.plugins.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    RowsRead,
    RunFailed,
    RunFinished,
    RunStarted,
    StepLogged,
)
from sma_core.plugins.hookspecs import hookimpl
from sma_core.printable import counted, printable


class ProgressDisplay:
    """Observer that shows step, epoch, loss, held-out metrics, samples per second and remaining time.

    On a terminal one line is redrawn; otherwise a line is printed at every evaluation, and at most every
    ``seconds`` between evaluations. ``reading`` is the verb shown while rows are read, ``after`` a line that says
    what follows the training.
    """

    def __init__(
        self, console: Console, seconds: float = 15.0, reading: str = "preparing", after: str | None = None
    ) -> None:
        self._console = console
        self._seconds = seconds
        self._reading = reading
        self._after = after
        self._printed = -seconds
        self._prepared = time.monotonic()
        self._figures = ""
        self._start_point: tuple[int, float] | None = None  # step and elapsed seconds, to compute the pace
        self._bar: Progress | None = None
        self._task: Any = None

    @hookimpl
    def sma_on_event(self, event: Event) -> None:
        """Show the event."""
        match event:
            case RowsRead():
                self.preparing(event.rows, event.kept, event.rejected)
            case RunStarted():
                self._start(event)
            case StepLogged():
                self._start_point = self._start_point or (event.step, event.elapsed)
                self._show(event)
            case Evaluated():
                self._figures = "  ".join(f"{name} {value:.4g}" for name, value in event.metrics.items())
                self._console.print(f"step {event.step:>7,}  {self._figures}", highlight=False, soft_wrap=True)
            case CheckpointSaved():
                return
            case RunFinished() | RunFailed():
                if self._bar is not None:
                    self._bar.stop()
                if self._after is not None and isinstance(event, RunFinished):
                    self._console.print(printable(self._after), highlight=False, markup=False, soft_wrap=True)

    def preparing(self, rows: int, kept: int, rejected: int) -> None:
        """Show the progress of data preparation; commands other than training pass this method as a callback."""
        now = time.monotonic()
        live = self._console.is_terminal
        if now - self._prepared >= (0.2 if live else self._seconds):
            self._prepared = now
            text = f"{self._reading}: {counted(rows, 'row')} read, {kept:,} kept, {rejected:,} set aside"
            self._console.print(text, end="\r" if live else "\n", highlight=False)

    def _start(self, event: RunStarted) -> None:
        self._start_point = None if event.step else (0, 0.0)
        verb = "resuming" if event.step else "training"
        self._console.print(
            f"{verb}: {event.parameters:,} parameters on {event.device} in {event.precision}, "
            f"steps {event.step:,} to {event.steps:,}, run folder {printable(str(event.run))}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                TextColumn("{task.fields[text]}"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._bar.add_task("step", total=event.steps, completed=event.step, text="")
            self._bar.start()

    def _show(self, event: StepLogged) -> None:
        text = (
            f"{event.step:,}/{event.steps:,}  epoch {event.epoch:.2f}  loss {event.loss:.4f}  "
            f"{event.samples_per_second:,.0f} samples/s"
        )
        if self._bar is not None:
            self._bar.update(self._task, completed=event.step, text=f"{text}  {self._figures}")
        elif event.elapsed - self._printed >= self._seconds:
            self._printed = event.elapsed
            self._console.print(f"step {text}{self._time_left(event)}", highlight=False)

    def _time_left(self, event: StepLogged) -> str:
        """Return the remaining time in minutes as text; empty at the first line of a resumed run."""
        step, elapsed = self._start_point or (event.step, event.elapsed)
        if event.step == step:
            return ""
        pace = (event.elapsed - elapsed) / (event.step - step)
        return f"  {(event.steps - event.step) * pace / 60:.1f} min left"
