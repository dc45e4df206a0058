"""The learning rate of a step: a linear warm-up, then a schedule."""

from __future__ import annotations

import math
from typing import Protocol

from sma_core.config import TrainingConfig
from sma_core.errors import ConfigError, PluginError
from sma_core.training.schedules.constant import constant
from sma_core.training.schedules.cosine import cosine
from sma_core.training.schedules.stable_decay import stable_decay


class ScheduleFunction(Protocol):
    """Function that returns the learning-rate factor after the warm-up, finite and non-negative."""

    def __call__(self, step: int, steps: int, /) -> float:
        """Return the factor at ``step`` of ``steps``, counted from 0 after the warm-up."""
        ...


_BUILT_IN: dict[str, ScheduleFunction] = {
    "cosine": cosine,
    "constant": constant,
    "stable-decay": stable_decay,
}


def built_in_schedule(name: str) -> ScheduleFunction:
    """Return the built-in schedule of that name; raises `ConfigError` if there is none."""
    if name not in _BUILT_IN:
        raise ConfigError(
            f"training.schedule {name!r} is not built in (built-in: {', '.join(_BUILT_IN)}): pass the function of "
            "the plugin that provides it"
        )
    return _BUILT_IN[name]


def learning_rate(
    step: int, steps: int, config: TrainingConfig, schedule: ScheduleFunction | None = None
) -> float:
    """Return the learning rate of ``step`` (from 1) of ``steps``.

    It rises linearly over the warm-up, then follows ``schedule``, by default the built-in one of the settings.
    Raises `PluginError` if the schedule returns a negative or non-finite factor.
    """
    warmup = min(config.warmup_steps, max(steps - 1, 0))
    if step <= warmup:
        return config.learning_rate * step / warmup
    schedule = schedule or built_in_schedule(config.schedule)
    factor = schedule(step - 1 - warmup, steps - warmup)
    if not (math.isfinite(factor) and factor >= 0.0):
        raise PluginError(
            f"the schedule {config.schedule!r} returned {factor!r} at step {step}, not a finite factor >= 0"
        )
    return config.learning_rate * factor
