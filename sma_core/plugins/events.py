"""What happens during a run, as frozen records handed to every observer (the hook ``sma_on_event``).

The loop prints and writes nothing itself: the progress display, the metrics file and TensorBoard are observers,
attached as a plugin's are. Figures are plain Python numbers; no record holds a tensor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple


@dataclass(frozen=True)
class RowsRead:
    """So many rows were read while the data is prepared; the run's folder is not there yet."""

    rows: int
    kept: int
    rejected: int


class RunOrigin(NamedTuple):
    """What a run is made from: its domain, the verb (``train`` or ``finetune``), all settings by dotted name."""

    domain: str = ""
    verb: str = ""
    settings: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class RunStarted:
    """Training begins or goes on: from step ``step`` of ``steps``, on ``device`` in ``precision``.

    ``parameters`` is the number of those that are trained. ``domain``, ``verb`` and ``settings`` are as in
    `RunOrigin`.
    """

    run: Path
    step: int
    steps: int
    parameters: int
    device: str
    precision: str
    domain: str = ""
    verb: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepLogged:
    """Mean loss since the last log; ``elapsed`` in seconds since the run's start, pauses left out.

    ``gradient_norm`` is that of the last step before clipping; NaN or infinite if the gradient is not finite.
    ``skipped`` steps of the run so far were left out because their gradient was not finite; where all
    since the last log were, ``loss`` is NaN.
    """

    run: Path
    step: int
    steps: int
    epoch: float
    loss: float
    learning_rate: float
    samples_per_second: float
    elapsed: float
    skipped: int = 0
    gradient_norm: float = math.nan


@dataclass(frozen=True)
class MaskExample:
    """How many of ``draws`` masks hide each of the N positions of a held-out row, the ``row``-th prepared one."""

    row: int
    times: tuple[int, ...]
    draws: int


@dataclass(frozen=True)
class Evaluated:
    """Figures on held-out or validation rows, by name; of a pre-training also the masks of a few rows."""

    run: Path
    step: int
    elapsed: float
    metrics: dict[str, float] = field(default_factory=dict)
    examples: tuple[MaskExample, ...] = ()


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


@dataclass(frozen=True)
class ResultsWritten:
    """The folder of a finished run is complete, with ``results.json`` and the card. No other event follows."""

    run: Path
    step: int


@dataclass(frozen=True)
class RunFailed:
    """Preparation or training ended with an error; ``run`` is None when it has no folder yet.

    ``error`` is the name of the exception's class and ``message`` its text. The run may be resumed from its last
    checkpoint.
    """

    run: Path | None
    error: str
    message: str


Event = RowsRead | RunStarted | StepLogged | Evaluated | CheckpointSaved | RunFinished | ResultsWritten | RunFailed
