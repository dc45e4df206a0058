"""The learning rate of a step: a linear warm-up, then a schedule."""

from __future__ import annotations

import math
from typing import Protocol

from sma_core.config import TrainingConfig
from sma_core.errors import ConfigError, PluginError
from sma_core.training.schedules.constant import constant
from sma_core.training.schedules.cosine import cosine


class ScheduleFunction(Protocol):
    """The factor of the highest learning rate after the warm-up, positive and finite."""

    def __call__(self, step: int, steps: int, /) -> float:
        """Return it at ``step``, counted from 0 after the warm-up, of ``steps``."""
        ...


_BUILT_IN: dict[str, ScheduleFunction] = {"cosine": cosine, "constant": constant}


def built_in_schedule(name: str) -> ScheduleFunction:
    """Return the built-in schedule of that name; raises `ConfigError` when there is none."""
    if name not in _BUILT_IN:
        raise ConfigError(
            f"training.schedule {name!r} is not built in (those are {', '.join(_BUILT_IN)}): pass the function of "
            "the plugin that has it"
        )
    return _BUILT_IN[name]


def learning_rate(
    step: int, steps: int, config: TrainingConfig, schedule: ScheduleFunction | None = None
) -> float:
    """Learning rate of the update that makes step ``step`` (counted from 1) of ``steps``.

    Linear over the warm-up, then as ``schedule`` says, by default the built-in one that the settings name. Raises
    `PluginError` when the schedule gives no finite number from 0.
    """
    warmup = min(config.warmup_steps, max(steps - 1, 0))
    if step <= warmup:
        return config.learning_rate * step / warmup
    schedule = schedule or built_in_schedule(config.schedule)
    factor = schedule(step - 1 - warmup, steps - warmup)
    if not (math.isfinite(factor) and factor >= 0.0):
        raise PluginError(f"the schedule {config.schedule!r} gives {factor!r} at step {step}, which is no factor")
    return config.learning_rate * factor
