"""Learning-rate schedules by name: one file each, with its function ``factor``; plugins add theirs.

A schedule is a pure function ``(share) -> factor``: ``share`` in [0, 1) of the training after the warm-up is over
before an update, and ``factor`` multiplies ``training.learning_rate``. A pure function needs no state to resume.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sma_core.config import TrainingConfig
from sma_core.training.schedules import constant, cosine

Schedule = Callable[[float], float]

SCHEDULES: Mapping[str, Schedule] = {"constant": constant.factor, "cosine": cosine.factor}
"""The core's own schedules."""


def learning_rate(step: int, steps: int, config: TrainingConfig, schedule: Schedule | None = None) -> float:
    """Return the learning rate of the update that makes step ``step`` (counted from 1) of ``steps``.

    Linear over the warm-up, then as ``schedule`` says; None is the core's own that ``training.schedule`` names.
    """
    warmup = min(config.warmup_steps, max(steps - 1, 0))
    if step <= warmup:
        return config.learning_rate * step / warmup
    share = (step - 1 - warmup) / max(steps - warmup, 1)
    factor = SCHEDULES[config.schedule] if schedule is None else schedule
    return config.learning_rate * factor(min(share, 1.0))
