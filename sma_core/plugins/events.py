"""What happens during a run, as frozen records handed to every observer (the hook ``sma_on_event``).

The loop prints and writes nothing itself: the progress display, the metrics file and TensorBoard are observers,
attached as a plugin's are. Figures are plain Python numbers; no record holds a tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class RowsRead:
    """So many rows were read while the data is prepared; the run's folder is not there yet."""

    rows: int
    kept: int
    rejected: int


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

    run: Path
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

    run: Path
    step: int
    elapsed: float
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint was published in ``folder``; ``best`` when it is the best so far."""

    run: Path
    step: int
    folder: Path
    best: bool


@dataclass(frozen=True)
class RunFinished:
    """Training ended: all steps done, stopped on request after saving, or ``early``, when nothing got better."""

    run: Path
    step: int
    stopped: bool
    early: bool = False


Event = RowsRead | RunStarted | StepLogged | Evaluated | CheckpointSaved | RunFinished
