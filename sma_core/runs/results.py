"""Results of the commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

AUTHORS_PROTOCOL = "last epoch, no validation: the authors' protocol"
"""Name of ``split.protocol`` ``authors`` in every report."""


@dataclass(frozen=True)
class Plan:
    """A dry run: settings, number of parameters, and a description of the number of steps.

    Of a fine-tuning, ``rows`` are the numbers of rows of each part, and ``notes`` tell kind of labels, split and
    warnings; of a pre-training, what missing values would add.
    """

    settings: dict[str, Any]
    parameters: int
    steps: str
    rows: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainResult:
    """A finished pre-training.

    ``seconds`` is the training time, without pauses between sessions. The held-out losses, under the training's
    masks and under random masks, are measured before the first step and at the end. ``rows`` includes the
    ``held_out_rows``, on which they are measured. Of rows longer than ``model.max_length``, ``truncated`` were
    read in part and ``windowed`` in ``windows`` windows. ``warnings`` are sentences on what may be wrong with the
    model, such as collapsed masks. ``frequency_loss`` is the held-out loss of the frequencies of symbols alone,
    None for numbers. ``own_file`` tells whether the rows are a file of the user, no named data set.
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
    truncated: int = 0
    warnings: tuple[str, ...] = ()
    held_out_rows: int = 0
    windowed: int = 0
    windows: int = 0
    own_file: bool = False
    frequency_loss: float | None = None


@dataclass(frozen=True)
class BaselineResult:
    """Metrics of a baseline on the split of a fine-tuning.

    ``rows`` are the numbers of rows of each part that were used: fewer than the split's where a part is large.
    ``left_out`` is the reason why there are no metrics, None if there are.
    """

    name: str
    summary: str
    rows: dict[str, int]
    seconds: float
    valid: dict[str, float]
    test: dict[str, float]
    left_out: str | None


@dataclass(frozen=True)
class FinetuneResult:
    """A finished fine-tuning: metrics of the checkpoint of ``best_step`` on validation and test.

    ``selection`` tells how that checkpoint was chosen; with the authors' protocol it is the last one and
    ``valid`` is empty. ``split`` describes the split of ``rows``. ``kind_guessed`` means that the user did not
    give the kind of labels, ``kind_guess`` says what was guessed from what, ``positive`` is the name of the
    positive class of binary labels, None when they are 0 and 1; ``weight`` is the column of weights in loss and
    metrics. ``stopped_early`` means that training ended at ``step`` since validation did not improve.
    ``test_targets`` has the metrics of each target, when there are several. ``seconds`` does not include the
    ``baselines``. ``truncated`` is the number of rows longer than ``model.max_length``. ``warnings`` are
    sentences about the rows and the test predictions, such as that these are nearly constant. ``notes`` tell what
    of the training differs from the usual, such as the loss. An epoch has ``epoch_steps`` steps.
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
    selection: str
    baselines: list[BaselineResult]
    truncated: int
    warnings: list[str]
    kind_guess: str = ""
    positive: str | None = None
    weight: str | None = None
    notes: list[str] = field(default_factory=list)
    epoch_steps: int = 0

    def at(self, step: int) -> str:
        """Return a step as text, with its epoch."""
        epoch = f" (epoch {step / self.epoch_steps:.3g})" if self.epoch_steps else ""
        return f"step {step:,}{epoch}"


@dataclass(frozen=True)
class Estimate:
    """A metric and its confidence interval, None without one; NaN when the metric is undefined."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class EvaluateResult:
    """Metrics of a fine-tuned run on ``rows`` rows of ``data``, with confidence intervals.

    ``part`` is a part of the run's rows, None for another file. ``truncated`` rows, of all that were read, are
    longer than ``model.max_length`` and were read in part; ``warnings`` says so when they are many. Of the scored
    rows, ``windowed`` were read in several windows. ``judged`` is the number of labelled rows or positions;
    ``censored`` labels are in no metric. ``figures`` are means over targets; ``targets`` has the metrics of each,
    if there are several.
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
    truncated: int
    warnings: list[str]
    seconds: float
    weight: str | None = None
    windowed: int = 0
    censored: int = 0


@dataclass(frozen=True)
class PredictResult:
    """Path of the table of `sma predict` (None for standard output), and numbers of rows.

    ``unusable`` rows have no prediction. Of rows longer than the model's ``max_length``, ``truncated`` are read
    in part and ``windowed`` in several windows.
    """

    out: Path | None
    rows: int
    unusable: int
    truncated: int
    windowed: int
    max_length: int
    seconds: float


def reasons_left_out(baselines: Sequence[BaselineResult]) -> dict[str, str]:
    """Return the names of the baselines that could not run, comma-separated, by reason."""
    names: dict[str, list[str]] = {}
    for baseline in baselines:
        if baseline.left_out is not None:
            names.setdefault(baseline.left_out, []).append(baseline.name)
    return {reason: ", ".join(listed) for reason, listed in names.items()}
