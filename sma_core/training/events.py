"""What happens during a run, as frozen records handed to observers.

The loop prints and writes nothing itself: the progress display and the metrics file are observers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunStarted:
    """Training begins or goes on: from step ``step`` of ``steps``, on ``device`` in ``precision``."""

    run: Path
    step: int
    steps: int
    parameters: int
    device: str
    precision: str


@dataclass(frozen=True)
class StepLogged:
    """Mean loss since the last log; ``elapsed`` in seconds since the run's start, pauses left out."""

    step: int
    steps: int
    epoch: float
    loss: float
    learning_rate: float
    samples_per_second: float
    elapsed: float


@dataclass(frozen=True)
class Evaluated:
    """Figures on held-out or validation rows, by name."""

    step: int
    elapsed: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint was published; ``best`` when it is the best so far."""

    step: int
    folder: Path
    best: bool


@dataclass(frozen=True)
class RunFinished:
    """Training ended: all steps done, stopped on request after saving, or ``early``, when nothing got better."""

    step: int
    stopped: bool
    early: bool = False


Event = RunStarted | StepLogged | Evaluated | CheckpointSaved | RunFinished
Observer = Callable[[Event], None]
