"""The cells of a suite: every fine-tuning, probe and baseline, with the pre-training that it starts from."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sma_bench.suites import NO_PRETRAINING, Method, Suite, TaskCase, task_cases
from sma_core.config.layers import Values, put
from sma_core.paths import as_path

SHAPE = ("model.", "data.tokenizer", "data.truncate")
"""Pre-training settings that also apply to random weights, so that all arms have the same network."""
_UNUSED_BY_PROBES = ("training.", "head", "class_weights", "loss", "huber_delta")
"""Fine-tuning settings that a probe does not use, but for the seed of random weights and the batch size."""
_USED_BY_PROBES = ("training.batch_size",)


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
    """One fine-tuning, probe or baseline: a task, an arm with a variant, and a seed.

    ``start`` is what it starts from: a pre-training, a run's folder, or None for random weights and baselines.
    """

    case: TaskCase
    arm: str
    seed: int
    variant: Mapping[str, Any]
    settings: Mapping[str, Any]
    start: Pretraining | Path | None = None
    baseline: str | None = None
    method: Method | Literal["baseline"] = "finetune"

    @property
    def task(self) -> str:
        """Name of the task with its number of training rows, and of its folder."""
        return self.case.name

    @property
    def pretraining_seed(self) -> int | None:
        """Seed of the pre-training that it starts from; 0 for a run, None without pre-training."""
        if self.start is None:
            return None
        return self.start.seed if isinstance(self.start, Pretraining) else 0

    @property
    def name(self) -> str:
        """The folder's name below the task's: arm, seed and a hash of everything that determines the result."""
        start = self.start.name if isinstance(self.start, Pretraining) else str(self.start)
        facts = {**self.settings, "start": start, "baseline": self.baseline}
        if self.case.task != self.case.part:
            facts["task"] = self.case.task
        if self.method != "probe":
            return f"{self.arm}-{self.seed}-{_digest(facts)}"
        return f"{self.arm}-probe-{self.seed}-{_digest({**facts, 'method': self.method})}"


def cells(suite: Suite) -> list[Cell]:
    """Return all cells, by task and seed first, so that a stopped suite has complete comparisons."""
    result: list[Cell] = []
    for case, seed in itertools.product(task_cases(suite), suite.seeds):
        for method in suite.tasks[case.part].methods or suite.methods:
            for arm in suite.arms:
                result += _arm_cells(suite, case, arm, seed, method)
            for name, run in suite.runs.items():
                result += [
                    _cell(suite, case, name, seed, method, {}, variant, as_path(run))
                    for variant in _variants(suite, method)
                ]
        for name, function in suite.baselines.items() if suite.tasks[case.part].baselines else ():
            settings = _task_settings(suite, case, seed)
            result.append(Cell(case, name, seed, {}, settings, baseline=function, method="baseline"))
    return result


def _variants(suite: Suite, method: Method) -> Iterator[dict[str, Any]]:
    """Yield the variants of fine-tuning; a probe has one."""
    return suite.finetuning.variants() if method == "finetune" else iter([{}])


def _arm_cells(suite: Suite, case: TaskCase, arm: str, seed: int, method: Method) -> Iterator[Cell]:
    """Yield the cells of an arm; for random weights only settings of the network matter."""
    seen = []
    for pretrained in suite.pretraining.variants():
        settings = {**suite.pretraining.settings, **pretrained}
        start: Pretraining | None = None
        if arm == NO_PRETRAINING:
            pretrained = {name: value for name, value in pretrained.items() if name.startswith(SHAPE)}
            if pretrained in seen:
                continue
            seen.append(pretrained)
        else:
            number = suite.pretraining_seed(seed)
            all_settings = {**settings, "masking.strategy": arm, "training.seed": number}
            start = Pretraining(arm, pretrained, number, all_settings)
        shape = {name: value for name, value in settings.items() if name.startswith(SHAPE)}
        for variant in _variants(suite, method):
            both = {**pretrained, **variant}
            yield _cell(suite, case, arm, seed, method, shape if start is None else {}, both, start)


def _cell(
    suite: Suite,
    case: TaskCase,
    arm: str,
    seed: int,
    method: Method,
    shape: Mapping[str, Any],
    variant: Mapping[str, Any],
    start: Pretraining | Path | None,
) -> Cell:
    settings = {**shape, **_task_settings(suite, case, seed)}
    if method == "probe":
        settings = {name: value for name, value in settings.items() if _used_by_probes(name)}
        settings |= {"training.seed": seed} if start is None else {}
        return Cell(case, arm, seed, variant, settings, start, method=method)
    tried = {name: value for name, value in variant.items() if name in suite.finetuning.sweep}
    return Cell(case, arm, seed, variant, {**settings, **tried, "training.seed": seed}, start)


def _used_by_probes(setting: str) -> bool:
    return setting in _USED_BY_PROBES or not setting.startswith(_UNUSED_BY_PROBES)


def _task_settings(suite: Suite, case: TaskCase, seed: int) -> dict[str, Any]:
    settings = {**suite.finetuning.settings, **suite.tasks[case.part].settings, "split.seed": seed}
    return settings if case.rows is None else {**settings, "split.train_rows": case.rows}


def nested(settings: Mapping[str, Any]) -> Values:
    """Convert settings by dotted name to nested tables."""
    values: Values = {}
    for name, value in settings.items():
        put(values, name, value)
    return values


def _digest(settings: Mapping[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
