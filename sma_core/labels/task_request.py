"""What is to be learned: a task by name, or target columns of a user's file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sma_core.config import FinetuneConfig
from sma_core.errors import ConfigError, UserError
from sma_core.labels.split import Division
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Task
from sma_core.training.finetuning.targets import Binary, Regression


@dataclass(frozen=True)
class TaskRequest:
    """The task to learn, before the rows are read."""

    label: str
    name: str
    dataset: str | None
    targets: tuple[str, ...]
    kind: str | None
    metric: str | None
    division: Division
    position_mask: str | None
    positive: str | None = None
    weight: str | None = None

    @property
    def extras(self) -> tuple[str, ...]:
        """Columns to store with the rows, besides labels."""
        return (*self.division.columns, *([self.weight] if self.weight is not None else []))

    @classmethod
    def of(cls, registry: Registry, config: FinetuneConfig) -> Self:
        """Resolve the task by name, or a file's target columns; raises `UserError` when none is named."""
        if config.targets is not None:
            if config.task is not None:
                raise ConfigError("give `task` or `targets`, not both")
            source = config.data.source
            if source is None:
                raise ConfigError("`targets` names columns of a file: name the file with `data.source=FILE`")
            name = re.sub(r"[^\w-]", "", Path(source).name.split(".")[0]) or "labels"
            division = Division.wanted(config.split, registry.domain.splitter)
            kind = config.kind or (Binary.kind if config.positive is not None else None)
            kind = Regression.kind if config.censored_labels else kind
            options = (config.metric, division, config.position_mask, config.positive, config.weight)
            return cls(source, name, None, config.targets, kind, *options)
        if config.task is None and registry.domain.task is None:
            raise UserError(f"the domain {registry.name!r} has no default task: name one with `task`")
        if config.data.source is not None and config.task is None:
            raise ConfigError("`data.source=FILE` needs `targets=COLUMN`: which column holds the labels?")
        task = registry.find(Task, config.task or str(registry.domain.task))
        if config.censored_labels and (config.kind or task.kind) != Regression.kind:
            raise ConfigError(f"`censored_labels` are those of a regression, not of {task.name}: leave it out")
        return cls(
            f"{registry.name}:{task.name}",
            task.name,
            task.dataset,
            task.targets,
            config.kind or task.kind,
            config.metric or (task.metric if config.kind in (None, task.kind) else None),
            Division.wanted(config.split, task.splitter, task),
            config.position_mask or task.position_mask,
            config.positive,
            config.weight,
        )
