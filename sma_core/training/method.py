"""How a trainer optimises: which optimiser, and how its learning rate changes."""

from __future__ import annotations

from dataclasses import dataclass

from sma_core.training.optimizers.adamw import adamw
from sma_core.training.optimizers.groups import OptimizerFactory
from sma_core.training.schedules.cosine import cosine
from sma_core.training.schedules.rate import ScheduleFunction, built_in_schedule


@dataclass(frozen=True)
class Method:
    """The factory of an optimiser and the function of a schedule."""

    optimizer: OptimizerFactory = adamw
    schedule: ScheduleFunction = cosine

    @classmethod
    def built_in(cls, schedule: str) -> Method:
        """AdamW with a built-in schedule; raises `ConfigError` when there is none of that name."""
        return cls(schedule=built_in_schedule(schedule))
