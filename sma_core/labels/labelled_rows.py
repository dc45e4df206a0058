"""The labelled rows of a task or of a user's own file, divided into training, validation and test."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.config import FinetuneConfig
from sma_core.data.batching.batches import Batch
from sma_core.data.preparation.prepare import Progress
from sma_core.data.preparation.prepared_set import PreparedSet
from sma_core.data.store.format import LabelForm
from sma_core.data.store.store import Store
from sma_core.errors import CheckpointError, ConfigError, DataError, UserError
from sma_core.evaluation.metrics import KIND_METRICS
from sma_core.evaluation.splits import Part
from sma_core.feeds.feed import Feed, LabelColumns
from sma_core.labels.label_form import form_of, guess_form, row_labels
from sma_core.labels.split import Division, divide
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Task
from sma_core.runs.record import SplitRecord
from sma_core.runs.run_folder import RunFolder
from sma_core.sources.source_set import SourceSet, find_sources
from sma_core.training.targets import Labels, check_columns, check_labels, guess_kind


@dataclass(frozen=True)
class LabelledRows:
    """A labelled store, what its labels are, and which rows are in which part.

    ``label`` is how messages call the task (``text:reviews`` or a file), ``name`` a short form for folders,
    ``split`` how the rows were divided, ``kind_guessed`` whether nobody said what the labels are.
    """

    label: str
    name: str
    store: Store
    feed: Feed
    targets: tuple[str, ...]
    kind: str
    kind_guessed: bool
    metric: str
    split: str
    parts: Mapping[Part, NDArray[np.int64]]
    source: SourceSet
    prepared: PreparedSet
    max_length: int

    @property
    def rejected(self) -> int:
        """How many rows were set aside."""
        return self.prepared.summary.rejected

    def labels(self, part: Part) -> Labels:
        """Return the labels (n, T) of a part, NaN where missing; T is 0 when every position has one."""
        return row_labels(self.store)[self.parts[part]]

    def known_symbols(self, *parts: Part) -> Labels:
        """Return the labels (m, 1) of all positions of some parts, NaN where nothing is known."""
        labels = self.store.symbol_labels(np.concatenate([self.parts[part] for part in parts]))
        assert labels is not None, "rows have labels of their own"
        return labels.astype(np.float64)[:, None]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes of all rows; empty when labels are numbers."""
        return self.store.classes

    def batches(self, part: Part, batch_size: int) -> Sequence[Batch]:
        """Return the part's batches in a fixed order, for evaluation."""
        return self.feed.fixed_batches(self.store, self.parts[part], batch_size, self.max_length)

    def fingerprint(self) -> str:
        """Return 16 hex digits of the numbers, lengths and labels of each part's rows: equal for the same rows."""
        found = hashlib.sha256()
        labels = row_labels(self.store)
        for rows in self.parts.values():
            for facts in (self.store.row_numbers[rows], self.store.lengths[rows], labels[rows]):
                found.update(np.ascontiguousarray(facts).tobytes())
        if self.store.metadata.has_symbols:
            found.update(self.known_symbols(*self.parts).tobytes())
        found.update("\0".join(self.classes).encode())
        return found.hexdigest()[:16]

    def sizes(self) -> dict[str, int]:
        """Return the number of rows in each part."""
        return {part: len(rows) for part, rows in self.parts.items()}


def split_record(rows: LabelledRows, seed: int) -> SplitRecord:
    """Return the entry of ``model.json`` for the split."""
    return SplitRecord(name=rows.split, seed=seed, rows=rows.sizes(), fingerprint=rows.fingerprint())


def check_same_rows(run: RunFolder, rows: LabelledRows) -> None:
    """Raise `CheckpointError` when the rows of a run are divided otherwise than when it began.

    Runs of earlier versions say nothing of the rows themselves: of those the split's name and sizes must fit.
    """
    recorded = run.record().split
    if recorded is None:
        raise CheckpointError(f"{run.path} has no labelled rows of its own: name a file with --data")
    if rows.split != recorded.name:
        raise CheckpointError(
            f"{run.path} began with the split {recorded.name!r}, but its rows are now divided by {rows.split!r}, "
            "which may put test rows into training: begin a new run"
        )
    now = rows.fingerprint()
    if rows.sizes() != recorded.rows or now != (recorded.fingerprint or now):
        raise CheckpointError(
            f"the rows of {rows.label} are not those that {run.path} was divided into: its data have changed, or "
            "what reads and splits them; put the old data back, or begin a new run"
        )


@dataclass(frozen=True)
class _Wanted:
    """What is to be learned, before the rows are read."""

    label: str
    name: str
    dataset: str | None
    targets: tuple[str, ...]
    kind: str | None
    metric: str | None
    division: Division
    position_mask: str | None


def known_kind(registry: Registry, config: FinetuneConfig) -> str | None:
    """Return what the labels are when that is said before the rows are read, else None."""
    return _wanted(registry, config).kind


def read_labelled(
    registry: Registry, config: FinetuneConfig, feed: Feed, progress: Progress | None = None
) -> LabelledRows:
    """Read, check and divide the labelled rows that ``config`` names.

    Numbers are standardised with the scale of ``feed``, or one taken from the training rows when it has none.
    Raises `DataError` when labels do not fit their kind or a part would be empty.
    """
    wanted = _wanted(registry, config)
    if config.data.weights is not None:
        raise ConfigError("data.weights mix sets to pre-train on: leave it out of fine-tuning")
    source = find_sources(registry, config.data, wanted.dataset)
    if feed.columns:
        source = source.with_columns(config.data.columns or feed.columns)
    prepared = _prepared(registry, config, source, wanted, feed, progress)
    store = prepared.open()
    kind = _kind(store, wanted, source)
    rows = prepared.summary.rows
    divided = divide(registry, wanted.division, config.split, store, source.where, rows, kind)
    feed = feed.fitted(store, divided.parts["train"], source.label)
    return LabelledRows(
        label=wanted.label,
        name=wanted.name,
        store=store,
        feed=feed,
        targets=wanted.targets,
        kind=kind,
        kind_guessed=wanted.kind is None,
        metric=wanted.metric or KIND_METRICS[kind][0],
        split=divided.label,
        parts=divided.parts,
        source=source,
        prepared=prepared,
        max_length=config.model.max_length,
    )


def _prepared(
    registry: Registry,
    config: FinetuneConfig,
    source: SourceSet,
    wanted: _Wanted,
    feed: Feed,
    progress: Progress | None,
) -> PreparedSet:
    """Prepare all rows in one store, with labels of the form that their kind needs."""
    if wanted.kind is not None:
        check_columns(wanted.targets, wanted.kind)
    extras = wanted.division.columns
    form: LabelForm = (
        form_of(wanted.kind) if wanted.kind else guess_form(registry, source.first, wanted.targets, extras)
    )
    labels = LabelColumns(wanted.targets, form, extras, wanted.position_mask)
    return feed.prepare(registry, source, config.data, config.model.max_length, labels, progress)


def _kind(store: Store, wanted: _Wanted, source: SourceSet) -> str:
    """Return what the labels are; raises `DataError` when they do not fit."""
    labels = row_labels(store)
    kind = wanted.kind or guess_kind(labels, store.classes)
    check_labels(labels, wanted.targets, kind, source.where, store.row_numbers)
    if store.metadata.label_form != "numbers" and len(store.classes) < 2:
        raise DataError(
            f"{source.where}: the target {wanted.targets[0]!r} has one class only, {store.classes[0]!r}; there is "
            "nothing to learn from it"
        )
    return kind


def _wanted(registry: Registry, config: FinetuneConfig) -> _Wanted:
    """Take the task by name; a file of the user's own needs target columns instead."""
    if config.targets is not None:
        if config.task is not None:
            raise ConfigError("give --task or --target, not both")
        source = config.data.source
        if source is None:
            raise ConfigError("--target names columns of a file: say which with --data FILE")
        name = re.sub(r"[^\w-]", "", Path(source).name.split(".")[0]) or "labels"
        division = Division.wanted(config.split, registry.domain.splitter)
        mask = config.position_mask
        return _Wanted(source, name, None, config.targets, config.kind, None, division, mask)
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
        Division.wanted(config.split, task.splitter, task),
        config.position_mask or task.position_mask,
    )
