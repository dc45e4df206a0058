"""What the folder of a run says of it: settings that differ from its recipe, figures, curves, rejected rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sma_core.config import FinetuneConfig, PretrainConfig
from sma_core.config.layers import dump, flatten
from sma_core.errors import SmaError
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.runs.record import RunRecord
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.settings import NO_RECIPE, Request, finetune_settings, pretrain_settings
from sma_core.training.reporting.metrics_file import read_metrics

MOST_REASONS = 8
Curve = tuple[list[float], list[float]]
"""Steps and values."""


@dataclass(frozen=True)
class ChangedSetting:
    """A setting of a run, and its value in the recipe."""

    name: str
    value: str
    recipe: str


@dataclass(frozen=True)
class RunFacts:
    """A run as its folder describes it; ``results`` is empty while it trains."""

    path: Path
    record: RunRecord
    recipe: str
    settings: Mapping[str, Any]
    changed: tuple[ChangedSetting, ...] | None
    results: Mapping[str, Any]
    curves: Mapping[str, Curve]
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Kind of reason -> number of rejected rows, most frequent first."""

    @classmethod
    def read(cls, path: Path, policy: PluginPolicy | None = None, with_recipe: bool = True) -> RunFacts:
        """Read the folder of a run, and its recipe; raises `CheckpointError` when it is none, or damaged."""
        folder = RunFolder.open(path)
        record, settings = folder.record(), dict(flatten(folder.config()))
        return cls(
            path=folder.path,
            record=record,
            recipe=str(settings.get("recipe", NO_RECIPE)),
            settings=settings,
            changed=_changed(folder, record, policy) if with_recipe else None,
            results=_results(folder.path / "results.json"),
            curves=_curves(folder.metrics),
            rejected=dict(_reasons(folder.path / "rejected.jsonl").most_common(MOST_REASONS)),
        )

    @property
    def is_finetuned(self) -> bool:
        """Whether the run has labels."""
        return self.record.is_finetuned

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of a finished run on what may be wrong with it."""
        return tuple(str(sentence) for sentence in self.results.get("warnings", ()))

    @property
    def step(self) -> int:
        """The last step that the run has recorded."""
        return int(max((steps[-1] for steps, _ in self.curves.values() if steps), default=0))


def _changed(
    folder: RunFolder, record: RunRecord, policy: PluginPolicy | None
) -> tuple[ChangedSetting, ...] | None:
    """Return the settings that differ from the recipe's; None when the recipe or its plugin is not there."""
    model: type[PretrainConfig] | type[FinetuneConfig] = FinetuneConfig if record.is_finetuned else PretrainConfig
    try:
        config = folder.settings(model)
        if config.recipe == NO_RECIPE:
            return None
        registry = Registry.load(record.domain.name, policy)
        request = Request(config.recipe)
        if isinstance(config, FinetuneConfig):
            chosen: dict[str, Any] = (
                {"task": config.task} if config.task else {"targets": config.targets or ("?",)}
            )
            chosen |= {} if config.task else {"data.source": config.data.source or "?"}
            request = Request(config.recipe, None, chosen)
            pretrained = Path(config.pretrained) if config.pretrained else None
            start = RunFolder.open(pretrained).config() if pretrained and pretrained.is_dir() else None
            expected = dump(finetune_settings(registry, request, start).config)
        else:
            expected = dump(pretrain_settings(registry, request).config)
    except SmaError:
        return None
    wanted, own = dict(flatten(expected)), dict(flatten(dump(config)))
    names = [name for name in own if name not in ("domain", "recipe", "training.precision")]
    return tuple(
        ChangedSetting(name, _shown(own[name]), _shown(wanted.get(name)))
        for name in names
        if own[name] != wanted.get(name)
    )


def _shown(value: object) -> str:
    return "–" if value in (None, "none") else json.dumps(value) if isinstance(value, list) else str(value)  # noqa: RUF001


def _results(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    return {}


def _curves(path: Path) -> dict[str, Curve]:
    """Return the steps and finite values of each metric, in the order of their first line."""
    curves: dict[str, Curve] = {}
    for line in _lines(path):
        for name, value in line.items():
            if name not in ("step", "time") and isinstance(value, int | float):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(float(line["step"]))
                values.append(float(value))
    return curves


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.is_file():
        yield from read_metrics(path)


def _reasons(path: Path) -> Counter[str]:
    """Count the reasons of rejected rows, without the particulars of each row."""
    counts: Counter[str] = Counter()
    with suppress(OSError), path.open(encoding="utf-8") as file:
        for line in file:
            with suppress(ValueError, AttributeError):
                counts[str(json.loads(line).get("reason", "")).partition(":")[0]] += 1
    return counts
