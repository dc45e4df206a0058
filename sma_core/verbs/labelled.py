"""The labelled rows of a task or of a user's own file, divided into training, validation and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sma_core.config import FinetuneConfig
from sma_core.data.batches import Batch
from sma_core.data.epochs import fixed_batches
from sma_core.data.prepare import Progress
from sma_core.data.store import Store
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.errors import ConfigError, DataError, UserError
from sma_core.evaluation.metrics import KIND_METRICS
from sma_core.evaluation.splits import check_split
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Splitter, Task
from sma_core.training.targets import Labels, check_labels, guess_kind
from sma_core.verbs.datasets import find_source
from sma_core.verbs.inputs import prepare_source

Part = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class LabelledRows:
    """A labelled store, what its labels are, and which rows are in which part.

    ``label`` is how messages call the task (``text:reviews`` or a file), ``name`` a short form for folders.
    """

    label: str
    name: str
    store: Store
    targets: tuple[str, ...]
    kind: str
    metric: str
    splitter: str
    parts: Mapping[Part, NDArray[np.int64]]
    rejected: int
    rejected_rows: Path
    pad_id: int
    max_length: int

    def labels(self, part: Part) -> Labels:
        """Return the labels (n, T) of a part, NaN where missing."""
        return _all_labels(self.store)[self.parts[part]]

    def batches(self, part: Part, batch_size: int) -> Sequence[Batch]:
        """Return the part's batches in a fixed order, for evaluation."""
        return fixed_batches(self.store, self.parts[part], batch_size, self.pad_id, self.max_length)

    def sizes(self) -> dict[str, int]:
        """Return the number of rows in each part."""
        return {part: len(rows) for part, rows in self.parts.items()}


@dataclass(frozen=True)
class _Wanted:
    """What is to be learned, before the rows are read."""

    label: str
    name: str
    dataset: str | None
    targets: tuple[str, ...]
    kind: str | None
    metric: str | None
    splitter: str


def read_labelled(
    registry: Registry, config: FinetuneConfig, tokenizer: DiscreteTokenizer, progress: Progress | None = None
) -> LabelledRows:
    """Read, check and divide the labelled rows that ``config`` names.

    Raises `DataError` when labels do not fit their kind or a part would be empty.
    """
    wanted = _wanted(registry, config)
    source = find_source(registry, config.data, wanted.dataset)
    prepared = prepare_source(
        registry, source, config.data, tokenizer, config.model.max_length, wanted.targets, progress
    )
    store = Store.open(prepared.rows)
    labels = _all_labels(store)
    kind = wanted.kind or guess_kind(labels)
    check_labels(labels, wanted.targets, kind, str(source.path), store.row_numbers)
    split = registry.build(registry.find(Splitter, wanted.splitter))
    parts = split(store.texts, config.split.valid, config.split.test, config.split.seed)
    check_split(parts, len(store), wanted.splitter)
    return LabelledRows(
        label=wanted.label,
        name=wanted.name,
        store=store,
        targets=wanted.targets,
        kind=kind,
        metric=wanted.metric or KIND_METRICS[kind][0],
        splitter=wanted.splitter,
        parts=dict(zip(("train", "valid", "test"), parts, strict=True)),
        rejected=prepared.summary.rejected,
        rejected_rows=prepared.rejected_rows,
        pad_id=tokenizer.pad_id,
        max_length=config.model.max_length,
    )


def _wanted(registry: Registry, config: FinetuneConfig) -> _Wanted:
    """Take the task by name; a file of the user's own needs target columns instead."""
    splitter = config.split.name
    if config.targets is not None:
        if config.task is not None:
            raise ConfigError("give --task or --target, not both")
        source = config.data.source
        if source is None:
            raise ConfigError("--target names columns of a file: say which with --data FILE")
        name = Path(source).name.split(".")[0] or "labels"
        return _Wanted(source, name, None, config.targets, config.kind, None, splitter or registry.domain.splitter)
    if config.task is None and registry.domain.task is None:
        raise UserError(f"the domain {registry.name!r} has no default task: name one with --task")
    if config.data.source is not None and config.task is None:
        raise ConfigError("--data FILE needs --target COLUMN: which column holds the labels?")
    task = registry.find(Task, config.task or str(registry.domain.task))
    return _Wanted(
        f"{registry.name}:{task.name}",
        task.name,
        task.dataset,
        task.targets,
        config.kind or task.kind,
        task.metric if config.kind in (None, task.kind) else None,
        splitter or task.splitter,
    )


def _all_labels(store: Store) -> Labels:
    if store.targets is None:
        raise DataError("this store was prepared without labels")
    return store.targets.astype(np.float64)
