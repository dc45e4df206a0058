"""The optimiser and learning-rate schedule of a trainer."""

from __future__ import annotations

from dataclasses import dataclass

from sma_core.training.optimizers.adamw import adamw
from sma_core.training.optimizers.groups import OptimizerFactory
from sma_core.training.schedules.cosine import cosine
from sma_core.training.schedules.rate import ScheduleFunction, built_in_schedule


@dataclass(frozen=True)
class Method:
    """An optimiser factory and a schedule function."""

    optimizer: OptimizerFactory = adamw
    schedule: ScheduleFunction = cosine

    @classmethod
    def built_in(cls, schedule: str) -> Method:
        """Return AdamW with a built-in schedule; raises `ConfigError` if there is none of that name."""
        return cls(schedule=built_in_schedule(schedule))
