"""A suite of pre-trainings, tasks and seeds to compare, read from a TOML file.

Arms differ in one setting: each pre-trains with the ``masking.strategy`` of its name, and ``none`` starts from
random weights. A sweep tries values of a setting; for each task, arm and method the variant with the best mean
validation metric is used, so test rows have no influence. A sweep can run on a few seeds: see `sweeps`.
`cells` expands a suite into trainings and probes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sma_core.config.layers import Values, flatten, read_toml, validate
from sma_core.config.settings import MemberName, Settings

Method = Literal["finetune", "probe"]
"""How an arm is judged: by fine-tuning it, or by a linear probe of its frozen encoder."""
NO_PRETRAINING = "none"
"""The arm that starts from random weights."""
_TRAIN_ROWS = "split.train_rows"


Name = Annotated[str, Field(pattern=r"^[^./\\\x00-\x1f][^/\\\x00-\x1f]{0,99}$")]
"""Name of an arm or task, which is also part of the names of its files: without slashes."""


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
    """Pre-training of all arms but ``none``."""

    seeds: tuple[int, ...] = Field(
        (0,), min_length=1, description="Shared equally by the seeds, which take these in turn."
    )


class TaskPart(Settings):
    """One task of a suite: its settings, how it is judged, its metric, and the paper's value."""

    task: str | None = Field(None, description="The domain's task; empty: the name of this table.")
    settings: Values = Field(default_factory=dict, description="Laid over the fine-tuning settings.")
    methods: tuple[Method, ...] | None = Field(
        None, min_length=1, description="How the arms are judged; empty: the suite's."
    )
    train_rows: tuple[Annotated[int, Field(ge=1)] | Literal["all"], ...] = Field(
        (), description="Numbers of training rows, or all: a row of the table for each."
    )
    baselines: bool = Field(True, description="Whether the suite's baselines run on this task.")
    metric: str | None = Field(None, description="The figure that is shown and that picks; empty: the task's.")
    paper: float | None = Field(None, description="The paper's figure with guided masking.")
    spread: float | None = Field(
        None, gt=0.0, description="Expected standard deviation of a paired difference, for the power calculation."
    )

    @field_validator("settings", mode="before")
    @classmethod
    def _dotted(cls, values: Any) -> Any:  # noqa: ANN401 - unvalidated input
        return dict(flatten(values)) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _one_number_of_rows(self) -> Self:
        if self.train_rows and _TRAIN_ROWS in self.settings:
            raise ValueError(f"give train_rows or the setting {_TRAIN_ROWS}, not both")
        return self


class Suite(Settings):
    """The contents of a suite file."""

    summary: str = Field(description="One line that says what is compared.")
    domain: str = Field(description="The domain that knows the tasks.")
    recipe: str = Field("tiny", description="The recipe that all arms begin from.")
    arms: tuple[MemberName, ...] = Field(
        ("guided", "random", NO_PRETRAINING), description="Masking strategies, and none for random weights."
    )
    methods: tuple[Method, ...] = Field(
        ("finetune",), min_length=1, description="How the arms are judged: finetune, probe, or both."
    )
    runs: dict[Name, Path] = Field(
        default_factory=dict, description="Further arms: a name, and a run that was pre-trained before."
    )
    seeds: tuple[int, ...] = Field((0, 1, 2), min_length=1, description="Seeds of the split and the weights.")
    sweep_seeds: tuple[int, ...] = Field(
        (), description="Seeds on which sweeps pick a variant for the other seeds; empty: all seeds sweep."
    )
    pretraining: PretrainingPart = PretrainingPart()
    finetuning: SuitePart = SuitePart()
    tasks: dict[Name, TaskPart] = Field(min_length=1, description="The tasks, by name.")
    baselines: dict[Name, str] = Field(
        default_factory=dict, description='What a user would take instead: a name, and "package.module:function".'
    )

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        names = [*self.arms, *self.runs, *self.baselines]
        if name := _repeated(names):
            raise ValueError(f"the arm {name!r} is listed twice")
        if not names:
            raise ValueError("a suite needs arms, runs or baselines")
        for methods in (self.methods, *(part.methods or () for part in self.tasks.values())):
            if method := _repeated(methods):
                raise ValueError(f"methods lists {method!r} twice")
        if foreign := [seed for seed in self.sweep_seeds if seed not in self.seeds]:
            raise ValueError(f"sweep_seeds has {foreign[0]}, which is not among seeds")
        if name := _repeated([case.name for case in task_cases(self)]):
            raise ValueError(f"two tasks are named {name!r}: give one another name, and the domain's as its task")
        return self

    @model_validator(mode="after")
    def _seeds_agree(self) -> Self:
        starts = self.pretraining.seeds
        for what, seeds in (("seeds", self.seeds), ("pretraining.seeds", starts)):
            if (seed := _repeated(seeds)) is not None:
                raise ValueError(f"{what} lists {seed} twice")
        if self.pretrained_arms and len(self.seeds) % len(starts):
            raise ValueError(
                f"{len(self.seeds)} seeds cannot be shared equally by {len(starts)} pre-training seeds: use a "
                "multiple, so that each pre-training has the same number of splits"
            )
        return self

    @property
    def pretrained_arms(self) -> tuple[str, ...]:
        """The arms that the suite pre-trains."""
        return tuple(arm for arm in self.arms if arm != NO_PRETRAINING)

    def pretraining_seed(self, seed: int) -> int:
        """Return the pre-training seed that a seed takes: the seeds take them in turn."""
        return self.pretraining.seeds[self.seeds.index(seed) % len(self.pretraining.seeds)]


@dataclass(frozen=True)
class TaskCase:
    """A task of a suite with one number of training rows.

    ``name`` names its folder and ``part`` its table in the suite; ``task`` is the domain's. ``rows`` is None for
    all training rows; ``curve`` is True when the task has several numbers.
    """

    name: str
    part: str
    task: str
    rows: int | None = None
    curve: bool = False

    @property
    def title(self) -> str:
        """Name in the table, such as ``esol, 200 rows``."""
        if not self.curve and self.rows is None:
            return self.name
        return f"{self.part}, {'all' if self.rows is None else f'{self.rows:,}'} rows"


def task_cases(suite: Suite) -> list[TaskCase]:
    """Return each task with each of its numbers of training rows, in the suite's order."""
    cases = []
    for part, values in suite.tasks.items():
        task, curve = values.task or part, len(values.train_rows) > 1
        for wanted in values.train_rows or ("all",):
            if wanted == "all":
                cases.append(TaskCase(part, part, task, None, curve))
            else:
                cases.append(TaskCase(f"{part}-{wanted}", part, task, wanted, curve))
    return cases


def read_suite(path: Path, defaults: Values | None = None) -> Suite:
    """Read a suite file, over ``defaults``; raises `ConfigError` naming the file and the setting."""
    values = (defaults or {}) | read_toml(path)
    return validate(Suite, values, str(path), "docs/benchmark.md lists the settings of a suite")


def _repeated(values: Any) -> Any:  # noqa: ANN401 - names or numbers
    """Return the first value that occurs twice, else None."""
    return next((value for value in values if values.count(value) > 1), None)
