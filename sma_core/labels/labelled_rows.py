"""Read the labelled rows of a task or file, and split them into training, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sma_core.config import FinetuneConfig
from sma_core.data.batching.batches import Batch
from sma_core.data.pairs import is_pair
from sma_core.data.preparation.prepare import Progress
from sma_core.data.preparation.prepared_set import PreparedSet
from sma_core.data.scaling import OF_TRAINING_ROWS
from sma_core.data.store.store import Store
from sma_core.errors import CheckpointError, ConfigError, DataError
from sma_core.evaluation.metric_set import MetricSet
from sma_core.evaluation.splits import Part
from sma_core.feeds.feed import Feed, LabelColumns, normalise_name
from sma_core.labels.all_others import ALL_OTHERS, other_columns
from sma_core.labels.duplicates import identities, shared_rows
from sma_core.labels.label_form import form_of, row_labels, row_limits, row_weights
from sma_core.labels.label_guess import LabelGuess, guess_labels
from sma_core.labels.learnable import check_learnable, shared_ids, telling_features, unlike_training
from sma_core.labels.pretraining_rows import Rows, seen_in_pretraining
from sma_core.labels.split import divide
from sma_core.labels.task_request import TaskRequest
from sma_core.labels.unused_split import unused_split
from sma_core.plugins.method_specs import Metric
from sma_core.plugins.registry import Registry
from sma_core.runs.record import SplitRecord
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.shipped_models import locate_model
from sma_core.sources.source_set import SourceSet, find_sources
from sma_core.training.finetuning.label_checks import check_columns, check_labels, guess_kind
from sma_core.training.finetuning.objective import Limits
from sma_core.training.finetuning.targets import Binary, Labels, PerPosition, Targets, is_per_position


@dataclass(frozen=True)
class LabelledRows:
    """A labelled store, the kind of its labels, and the row indices of each part.

    ``label`` names the task in messages (``text:reviews`` or a file), ``name`` in folder names. ``split``
    describes the split; ``guess`` says from what the kind of labels was guessed, empty when the user gave it.
    ``values`` are the names of binary labels, the positive last. ``weights`` (n,) are the weights of all store
    rows, None without weights; ``limits`` are the censored labels, which are NaN among `labels`. The metric
    ``selection`` selects the checkpoint. ``warnings`` are sentences on targets that cannot be learned.
    """

    label: str
    name: str
    store: Store
    feed: Feed
    targets: tuple[str, ...]
    kind: str
    guess: str
    metrics: MetricSet
    selection: Metric
    split: str
    parts: Mapping[Part, NDArray[np.int64]]
    source: SourceSet
    prepared: PreparedSet
    max_length: int
    values: tuple[str, ...] = ()
    weights: Labels | None = None
    limits: Limits | None = None
    warnings: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        """Number of rejected rows."""
        return self.prepared.summary.rejected

    def labels(self, part: Part) -> Labels:
        """Return the labels (n, T) of a part, NaN where missing; T is 0 for labels of positions."""
        return self.labels_of(self.parts[part])

    def labels_of(self, rows: NDArray[np.int64]) -> Labels:
        """Return a copy of the labels (m, T) of store rows (m,); T is 0 for labels of positions."""
        return row_labels(self.store)[rows]

    def known_symbols(self, *parts: Part) -> Labels:
        """Return the labels (m, 1) of all positions of ``parts``, NaN where unknown."""
        labels = self.store.symbol_labels(np.concatenate([self.parts[part] for part in parts]))
        assert labels is not None, "rows have labels of their own"
        return labels.astype(np.float64)[:, None]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names of all rows; empty when labels are numbers."""
        return self.store.classes

    def batches(self, part: Part, batch_size: int) -> Sequence[Batch]:
        """Return the part's batches in a fixed order, for evaluation."""
        return self.feed.fixed_batches(self.store, self.parts[part], batch_size, self.max_length)

    def some_batches(self, part: Part, most: int, draw: np.random.Generator, batch_size: int) -> Sequence[Batch]:
        """Return batches of at most ``most`` rows of the part, drawn at random when it has more."""
        rows = self.parts[part]
        if len(rows) > most:
            rows = np.sort(draw.choice(rows, most, replace=False))
        return self.feed.fixed_batches(self.store, rows, batch_size, self.max_length)

    def fingerprint(self) -> str:
        """Return 16 hex digits of row numbers, lengths and labels of each part."""
        digest = hashlib.sha256()
        labels = row_labels(self.store)
        for rows in self.parts.values():
            for facts in (self.store.row_numbers[rows], self.store.lengths[rows], labels[rows]):
                digest.update(np.ascontiguousarray(facts).tobytes())
        if self.store.metadata.has_symbols:
            digest.update(self.known_symbols(*self.parts).tobytes())
        digest.update("\0".join(self.classes).encode())
        if self.weights is not None:
            digest.update(self.weights.tobytes())
        if self.limits is not None:
            digest.update(self.limits.values.tobytes() + self.limits.sides.tobytes())
        return digest.hexdigest()[:16]

    def part_of_rows(self) -> tuple[NDArray[np.int64], list[str]]:
        """Return the numbers of the rows that are in a part, in file order, and the name of its part for each."""
        rows = np.concatenate([self.store.row_numbers[rows] for rows in self.parts.values()])
        names = np.repeat([*self.parts], [len(rows) for rows in self.parts.values()])
        order = np.argsort(rows, kind="stable")
        return rows[order], names[order].tolist()

    def sizes(self) -> dict[str, int]:
        """Return the number of rows in each part."""
        return {part: len(rows) for part, rows in self.parts.items()}


def censored_note(rows: LabelledRows) -> list[str]:
    """Return a sentence on the number of censored labels of each part; empty if there can be none."""
    if rows.limits is None:
        return []
    train, valid, test = (f"{rows.limits.count(rows.parts[part]):,}" for part in ("train", "valid", "test"))
    return [
        f"censored labels: {train} of training rows, with a loss on one side; {valid} of validation and {test} of "
        "test rows, left out of all metrics"
    ]


def split_record(rows: LabelledRows, seed: int) -> SplitRecord:
    """Return the entry of ``model.json`` for the split."""
    return SplitRecord(name=rows.split, seed=seed, rows=rows.sizes(), fingerprint=rows.fingerprint())


def check_same_rows(run: RunFolder, rows: LabelledRows) -> None:
    """Raise `CheckpointError` when rows or split differ from those at the start of the run.

    For runs of early versions, without a fingerprint, only the split's name and sizes are compared.
    """
    recorded = run.record().split
    if recorded is None:
        raise CheckpointError(f"{run.path} has no labelled rows: name a file with `data`")
    if rows.split != recorded.name:
        raise CheckpointError(
            f"{run.path} began with the split {recorded.name!r}, but its rows are now split by {rows.split!r}, "
            "which may put test rows into training: begin a new run"
        )
    now = rows.fingerprint()
    if rows.sizes() != recorded.rows or now != (recorded.fingerprint or now):
        raise CheckpointError(
            f"the rows of {rows.label} differ from those of {run.path}: its data have changed, or the code that "
            "reads and splits them; restore the old data, or begin a new run"
        )


def read_labelled(
    registry: Registry,
    config: FinetuneConfig,
    feed: Feed,
    progress: Progress | None = None,
    recorded: Targets | None = None,
    identifier: str | None = None,
    longest: int | None = None,
) -> LabelledRows:
    """Read, check and split the labelled rows of ``config``, with a column of identifiers if one is named.

    ``recorded`` are the targets of an existing run, whose kind is then not guessed again. ``longest`` is the
    maximum length of rows; None is the model's. Numbers are
    standardised with the scale of ``feed``, or with one computed on the training rows. Raises `DataError` when
    labels do not match their kind or a part would be empty.
    """
    _check_settings(config)
    source, task = _find(registry, config, TaskRequest.of(registry, config), feed)
    _check_no_leak((*task.targets, *([task.weight] if task.weight else [])), source, feed, config)
    guess = _guess(registry, config, task, source, recorded)
    prepared = _prepared(registry, config, source, task, guess, feed, progress, identifier, longest)
    store = prepared.open()
    kind = _kind(store, task, guess, source)
    _check_rows_as_written(kind, registry, config)
    numbers = prepared.summary.rows
    equal = identities(registry, config.data, store)
    divided = divide(registry, task.division, config.split, store, source.where, numbers, kind, equal)
    metrics = MetricSet.of(registry, kind)
    rows = LabelledRows(
        label=task.label,
        name=task.name,
        store=store,
        feed=feed.fitted(store, divided.parts["train"], source.label),
        targets=task.targets,
        kind=kind,
        guess="" if task.kind else _guess_sentence(kind, guess),
        metrics=metrics,
        selection=metrics.find(task.metric, len(store.classes), task.weight is not None),
        split=divided.label,
        parts=divided.parts,
        source=source,
        prepared=prepared,
        max_length=config.model.max_length,
        values=guess.values,
        weights=row_weights(store, task.weight, source.where),
        limits=row_limits(store, task.targets),
    )
    sentences = _warnings(rows, task, registry, config, pretrained=rows.feed is feed)
    leaks = [*shared_rows(equal, divided.parts), *_seen_in_pretraining(registry, config, rows)]
    return replace(rows, warnings=(*sentences, *leaks))


def _seen_in_pretraining(registry: Registry, config: FinetuneConfig, rows: LabelledRows) -> list[str]:
    """Return a sentence on test rows that are rows of the pre-training too."""
    if config.pretrained is None or not len(rows.parts["test"]):
        return []
    test = Rows(registry, config.data, rows.feed, rows.store, rows.parts["test"])
    return seen_in_pretraining(locate_model(config.pretrained), test)


def _check_settings(config: FinetuneConfig) -> None:
    """Raise `ConfigError` for settings of pre-training."""
    if config.data.weights is not None:
        raise ConfigError("data.weights is for pre-training: leave it out of fine-tuning")
    if config.data.window_overlap is not None:
        raise ConfigError(
            "data.window_overlap is for pre-training, since labels belong to whole rows: leave it out of "
            "fine-tuning"
        )


def _find(
    registry: Registry, config: FinetuneConfig, task: TaskRequest, feed: Feed
) -> tuple[SourceSet, TaskRequest]:
    """Return the files, read as the features of the model, and the task with its target columns."""
    source = find_sources(registry, config.data, task.dataset)
    read = (*(name for name in task.targets if name != ALL_OTHERS), *task.extras)
    source = feed.features.found_in(source, registry, config.data, config.data.columns or (), read)
    if task.targets != (ALL_OTHERS,):
        return source, task
    used = (*task.extras, *([task.position_mask] if task.position_mask else []))
    return source, replace(task, targets=other_columns(registry, source.first, config.data, used))


def _warnings(
    rows: LabelledRows, task: TaskRequest, registry: Registry, config: FinetuneConfig, pretrained: bool
) -> tuple[str, ...]:
    """Return sentences on rows and targets that are unusual; raises `DataError` when no target can be learned.

    With ``pretrained``, the statistics of features, and their warnings, are those of a pre-training.
    """
    store, train, source = rows.store, rows.parts["train"], rows.source
    read = (*task.targets, *task.extras, *store.metadata.columns)
    unlike = unlike_training(rows.feed, store, train, config.model, OF_TRAINING_ROWS) if pretrained else []
    return (
        *source.notes,
        *_of_targets(store, train, task, source, rows.kind),
        *_spelling_matters(registry, config, rows.kind),
        *unlike,
        *unused_split(source.first, config.split, task.division, read),
    )


def _of_targets(
    store: Store, train: NDArray[np.int64], task: TaskRequest, source: SourceSet, kind: str
) -> tuple[str, ...]:
    """Return sentences on targets that cannot be learned; raises `DataError` when none can."""
    if store.metadata.has_symbols:
        return tuple(shared_ids(store, train))
    labels = row_labels(store)
    learnable = check_learnable(labels, train, task.targets, source.where)
    return (*learnable, *telling_features(store, labels, train, task.targets, kind))


def _spelling_matters(registry: Registry, config: FinetuneConfig, kind: str) -> tuple[str, ...]:
    """Return a sentence if rows are not read in the normal form that the domain reads by default."""
    if config.data.normalise or not registry.domain.normalised or is_per_position(kind):
        return ()
    return (
        "rows are read as they are written, so that other spellings of a row have other predictions: "
        "data.normalise=true reads the domain's normal form",
    )


def _check_rows_as_written(kind: str, registry: Registry, config: FinetuneConfig) -> None:
    """Raise `ConfigError` when labels belong to positions, which a normal form or an augmentation would change."""
    if is_per_position(kind) and normalise_name(registry, config.data) is not None:
        raise ConfigError(
            "data.normalise changes the characters of rows, to which these labels belong: use data.normalise=false"
        )
    if is_per_position(kind) and config.training.augmentation is not None:
        raise ConfigError("training.augmentation may move positions, to which these labels belong: leave it out")


def _check_no_leak(targets: Sequence[str], source: SourceSet, feed: Feed, config: FinetuneConfig) -> None:
    """Raise `ConfigError` when a target is also a feature, so that the model would read what it predicts."""
    leaked = [name for name in targets if name in source.first.columns and name not in (config.data.exclude or ())]
    if not leaked:
        return
    names = ", ".join(map(repr, leaked))
    what = f"{names}: a target is also a feature, so the model would read what it predicts"
    if leaked == [config.weight]:
        what = f"{names}: the weight of a row is also a feature"
    if feed.columns:
        raise ConfigError(
            f"{what}; the model was pre-trained with it: do so again with `data.exclude={leaked[0]}`"
        )
    raise ConfigError(f"{what}; leave it out of data.columns")


def _prepared(
    registry: Registry,
    config: FinetuneConfig,
    source: SourceSet,
    task: TaskRequest,
    guess: LabelGuess,
    feed: Feed,
    progress: Progress | None,
    identifier: str | None,
    longest: int | None,
) -> PreparedSet:
    """Prepare all rows in one store, with labels in the form of their kind."""
    if task.kind is not None:
        check_columns(task.targets, task.kind)
    if guess.form == "symbols" and is_pair(source.first.column):
        raise ConfigError("labels of characters belong to one text, but data.column names two: name one")
    limits = task.targets if guess.form == "censored" else ()
    extras = tuple(dict.fromkeys((*task.extras, *limits, *([identifier] if identifier else []))))
    labels = LabelColumns(task.targets, guess.form, extras, task.position_mask, guess.values)
    model = config.model
    return feed.prepare(registry, source, config.data, longest or model.max_length, labels, progress, model.grid)


def _guess(
    registry: Registry, config: FinetuneConfig, task: TaskRequest, source: SourceSet, recorded: Targets | None
) -> LabelGuess:
    """Return the form of labels: as in an existing run, as the kind requires, or guessed from the first rows."""
    if config.censored_labels:
        return LabelGuess("censored", "censored_labels")
    if recorded is not None:
        return LabelGuess(form_of(recorded.kind), "the labels when the run began", recorded.values)
    binary = task.kind == Binary.kind and (task.dataset is None or task.positive is not None)
    if task.kind is not None and not binary:
        return LabelGuess(form_of(task.kind), task.kind)
    if task.position_mask is not None:
        return LabelGuess("symbols", "the column of `position_mask`")
    excluded = config.data.exclude or ()
    guess = guess_labels(registry, source.first, task.targets, task.extras, task.positive, excluded)
    return replace(guess, form="numbers") if binary else guess


def _guess_sentence(kind: str, guess: LabelGuess) -> str:
    """Say what was guessed, from what, and which option changes it."""
    basis = guess.basis
    if kind == Binary.kind and not guess.values:
        basis = "labels that are all 0 or 1, False or True"
    positive = f", of which {guess.values[1]!r} is the positive class" if guess.values else ""
    option = "`kind` or `positive` changes it" if guess.values else "`kind` changes it"
    return f"the labels are taken as {kind}, guessed from {basis}{positive}; {option}"


def _kind(store: Store, task: TaskRequest, guess: LabelGuess, source: SourceSet) -> str:
    """Return the kind of labels; raises `DataError` when labels do not match it."""
    labels = row_labels(store)
    kind = task.kind or (Binary.kind if guess.values else guess_kind(labels, store.classes))
    if store.metadata.has_symbols:
        kind = PerPosition.kind
    check_labels(labels, task.targets, kind, source.where, store.row_numbers)
    if store.metadata.label_form in ("classes", "symbols") and len(store.classes) < 2:
        raise DataError(
            f"{source.where}: the target {task.targets[0]!r} has only one class, {store.classes[0]!r}; there is "
            "nothing to learn"
        )
    return kind
