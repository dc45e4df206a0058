"""What the verbs return."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Plan:
    """What a run would be: its settings, its size, its steps (a number, or epochs in words)."""

    settings: dict[str, Any]
    parameters: int
    steps: str


@dataclass(frozen=True)
class TrainResult:
    """A finished pre-training.

    ``seconds`` counts training from the first step on, pauses between sessions left out. The two held-out
    losses, under the training's own masks and under random ones, are given before the first step and at
    the end.
    """

    run: Path
    domain: str
    step: int
    seconds: float
    rows: int
    rejected: int
    held_out_first: float
    held_out_last: float
    held_out_random_first: float
    held_out_random_last: float


@dataclass(frozen=True)
class FinetuneResult:
    """A finished fine-tuning: figures of the best validation checkpoint, on validation and test.

    ``split`` says how the ``rows`` were divided: by which splitter or column. ``kind_guessed`` tells that nobody
    said what the labels are, ``stopped_early`` that ``step`` is not the last one, since validation got no better.
    ``test_targets`` are the figures of each target, where there are several.
    """

    run: Path
    domain: str
    task: str
    kind: str
    kind_guessed: bool
    metric: str
    best_step: int
    step: int
    stopped_early: bool
    rows: dict[str, int]
    split: str
    rejected: int
    seconds: float
    valid: dict[str, float]
    test: dict[str, float]
    test_targets: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Estimate:
    """A figure, and the ends of its confidence interval; None without one, NaN where nothing can be judged."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class EvaluateResult:
    """Figures of a fine-tuned run on ``rows`` rows of ``data``, with intervals.

    ``part`` is one of the run's own rows, None for another file. ``judged`` counts what has a label: rows, or
    their positions. ``figures`` are means over the targets, ``targets`` those of each where there are several.
    """

    run: Path
    task: str
    kind: str
    data: str
    part: str | None
    rows: int
    judged: int
    rejected: int
    bootstrap: int
    confidence: float
    seed: int
    figures: dict[str, Estimate]
    targets: dict[str, dict[str, Estimate]]
    seconds: float


@dataclass(frozen=True)
class PredictResult:
    """What `sma predict` did: where the table is (None for a stream), rows in it, rows without a value."""

    out: Path | None
    rows: int
    unusable: int
    seconds: float


def plain(value: Any) -> Any:  # noqa: ANN401 - walks any JSON-like value
    """Turn paths into text and numbers that JSON does not know (NaN, infinite) into None."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
