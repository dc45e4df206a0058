"""A suite of pre-trainings, tasks and seeds to compare, read from a TOML file, and its cells.

Three arms differ in one setting: ``guided`` and ``random`` pre-train with that ``masking.strategy``, ``none``
starts from random weights. A sweep tries values of a setting; for each task and arm the variant with the best
mean validation metric is used, so test rows have no influence. A sweep can run on a few seeds: see `sweeps`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sma_core.config.layers import Values, flatten, put, read_toml, validate
from sma_core.config.settings import Settings

Arm = Literal["guided", "random", "none"]
SHAPE = ("model.", "data.tokenizer", "data.truncate")
"""Pre-training settings that also apply to random weights, so that all arms have the same network."""


class SuitePart(Settings):
    """Settings by dotted name or in tables, and lists of values to try."""

    settings: Values = Field(default_factory=dict, description="Laid over the recipe.")
    sweep: dict[str, tuple[Any, ...]] = Field(
        default_factory=dict, description="A setting, and the values of which validation picks one."
    )

    @field_validator("settings", mode="before")
    @classmethod
    def _dotted(cls, values: Any) -> Any:  # noqa: ANN401 - unvalidated input
        return dict(flatten(values)) if isinstance(values, dict) else values

    @field_validator("sweep", mode="before")
    @classmethod
    def _dotted_sweep(cls, values: Any) -> Any:  # noqa: ANN401 - unvalidated input
        return dict(flatten(values)) if isinstance(values, dict) else values

    def variants(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of the values to try; one empty combination without a sweep."""
        for values in itertools.product(*self.sweep.values()):
            yield dict(zip(self.sweep, values, strict=True))


class PretrainingPart(SuitePart):
    """Pre-training of the arms ``guided`` and ``random``."""

    seeds: tuple[int, ...] = Field((0,), min_length=1, description="Each fine-tuning seed takes one, in turn.")


class TaskPart(Settings):
    """One task of a suite: its settings, its metric, and the paper's value."""

    settings: Values = Field(default_factory=dict, description="Laid over the fine-tuning settings.")
    metric: str | None = Field(None, description="The figure that is shown and that picks; empty: the task's.")
    paper: float | None = Field(None, description="The paper's figure with guided masking.")

    @field_validator("settings", mode="before")
    @classmethod
    def _dotted(cls, values: Any) -> Any:  # noqa: ANN401 - unvalidated input
        return dict(flatten(values)) if isinstance(values, dict) else values


class Suite(Settings):
    """The contents of a suite file."""

    summary: str = Field(description="One line that says what is compared.")
    domain: str = Field(description="The domain that knows the tasks.")
    recipe: str = Field("tiny", description="The recipe that all arms begin from.")
    arms: tuple[Arm, ...] = Field(("guided", "random", "none"), description="What fine-tuning starts from.")
    runs: dict[str, Path] = Field(
        default_factory=dict, description="Further arms: a name, and a run that was pre-trained before."
    )
    seeds: tuple[int, ...] = Field((0, 1, 2), min_length=1, description="Seeds of the split and the weights.")
    sweep_seeds: tuple[int, ...] = Field(
        (), description="Seeds on which sweeps pick a variant for the other seeds; empty: all seeds sweep."
    )
    pretraining: PretrainingPart = PretrainingPart()
    finetuning: SuitePart = SuitePart()
    tasks: dict[str, TaskPart] = Field(min_length=1, description="The tasks, by name.")
    baselines: dict[str, str] = Field(
        default_factory=dict, description='What a user would take instead: a name, and "package.module:function".'
    )

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        names = [*self.arms, *self.runs, *self.baselines]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"the arm {twice!r} is listed twice")
        if not names:
            raise ValueError("a suite needs arms, runs or baselines")
        if foreign := [seed for seed in self.sweep_seeds if seed not in self.seeds]:
            raise ValueError(f"sweep_seeds has {foreign[0]}, which is not among seeds")
        return self


def read_suite(path: Path) -> Suite:
    """Read a suite file; raises `ConfigError` naming the file and the setting."""
    return validate(Suite, read_toml(path), str(path), "docs/benchmark.md lists the settings of a suite")


@dataclass(frozen=True)
class Pretraining:
    """One pre-training: its arm, its variant of the sweep, its seed and all settings by dotted name."""

    arm: str
    variant: Mapping[str, Any]
    seed: int
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder's name: arm, seed and a hash of the settings."""
        return f"{self.arm}-{self.seed}-{_digest(self.settings)}"


@dataclass(frozen=True)
class Cell:
    """One fine-tuning or baseline: a task, an arm with a variant, and a seed.

    ``start`` is what it starts from: a pre-training, a run's folder, or None for random weights and baselines.
    """

    task: str
    arm: str
    seed: int
    variant: Mapping[str, Any]
    settings: Mapping[str, Any]
    start: Pretraining | Path | None = None
    baseline: str | None = None

    @property
    def name(self) -> str:
        """The folder's name below the task's: arm, seed and a hash of everything that determines the result."""
        start = self.start.name if isinstance(self.start, Pretraining) else str(self.start)
        return f"{self.arm}-{self.seed}-{_digest({**self.settings, 'start': start, 'baseline': self.baseline})}"


def cells(suite: Suite) -> list[Cell]:
    """Return all cells, by task and seed first, so that a stopped suite has complete comparisons."""
    result: list[Cell] = []
    for task, seed in itertools.product(suite.tasks, suite.seeds):
        for arm in suite.arms:
            result += _arm_cells(suite, task, arm, seed)
        for name, run in suite.runs.items():
            result += [
                _tuned(suite, task, name, seed, {}, variant, run) for variant in suite.finetuning.variants()
            ]
        for name, function in suite.baselines.items():
            settings = _task_settings(suite, task, seed)
            result.append(Cell(task, name, seed, {}, settings, baseline=function))
    return result


def _arm_cells(suite: Suite, task: str, arm: Arm, seed: int) -> Iterator[Cell]:
    """Yield the cells of an arm; for random weights only settings of the network matter."""
    seen = []
    for pretrained in suite.pretraining.variants():
        settings = {**suite.pretraining.settings, **pretrained}
        start: Pretraining | None = None
        if arm == "none":
            pretrained = {name: value for name, value in pretrained.items() if name.startswith(SHAPE)}
            if pretrained in seen:
                continue
            seen.append(pretrained)
        else:
            first = suite.seeds.index(seed) % len(suite.pretraining.seeds)
            all_settings = {**settings, "masking.strategy": arm, "training.seed": suite.pretraining.seeds[first]}
            start = Pretraining(arm, pretrained, suite.pretraining.seeds[first], all_settings)
        shape = {name: value for name, value in settings.items() if name.startswith(SHAPE)}
        for variant in suite.finetuning.variants():
            yield _tuned(suite, task, arm, seed, shape if start is None else {}, {**pretrained, **variant}, start)


def _tuned(
    suite: Suite,
    task: str,
    arm: str,
    seed: int,
    shape: Mapping[str, Any],
    variant: Mapping[str, Any],
    start: Pretraining | Path | None,
) -> Cell:
    tried = {name: value for name, value in variant.items() if name in suite.finetuning.sweep}
    settings = {**shape, **_task_settings(suite, task, seed), **tried, "training.seed": seed}
    return Cell(task, arm, seed, variant, settings, start)


def _task_settings(suite: Suite, task: str, seed: int) -> dict[str, Any]:
    return {**suite.finetuning.settings, **suite.tasks[task].settings, "split.seed": seed}


def nested(settings: Mapping[str, Any]) -> Values:
    """Convert settings by dotted name to nested tables."""
    values: Values = {}
    for name, value in settings.items():
        put(values, name, value)
    return values


def _digest(settings: Mapping[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
