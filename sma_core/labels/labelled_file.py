"""Read labelled rows of any file, for a model that is already fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sma_core.config import DataConfig, FinetuneConfig
from sma_core.data.preparation.prepare import Progress
from sma_core.data.store.store import Store
from sma_core.errors import ConfigError, DataError
from sma_core.evaluation.metric_set import MetricSet
from sma_core.feeds.feed import LabelColumns
from sma_core.feeds.reading import pair_column
from sma_core.labels.label_form import form_of, row_labels, row_limits, row_weights
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.labels.learnable import unlike_training
from sma_core.models.loaded_run import LoadedRun
from sma_core.printable import counted
from sma_core.sources.source_set import find_sources
from sma_core.training.finetuning.label_checks import check_labels
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import Multiclass, Targets


@dataclass(frozen=True)
class LabelledFile:
    """A file and its columns, as given by the user.

    ``targets`` None: the columns have the names and order of the model's targets. ``columns`` are those that hold
    the model's features, in its order; None: those of the same names.
    """

    data: str
    column: str | None = None
    reader: str | None = None
    targets: tuple[str, ...] | None = None
    position_mask: str | None = None
    max_rejected: float | None = None
    weight: str | None = None
    delimiter: str | None = None
    identifier: str | None = None
    columns: tuple[str, ...] | None = None

    def config(self, run: DataConfig) -> DataConfig:
        """Return the settings of ``run``, updated for this file."""
        names = ("column", "reader", "delimiter")
        changes: dict[str, Any] = {"source": self.data} | {name: getattr(self, name) for name in names}
        changes["column"] = pair_column(run, self.column)
        if self.max_rejected is not None:
            changes["max_rejected"] = self.max_rejected
        return run.model_copy(update=changes | {"columns": None})


def read_labelled_file(
    loaded: LoadedRun, file: LabelledFile, progress: Progress | None = None, longest: int | None = None
) -> LabelledRows:
    """Read a labelled file with the settings of a fine-tuned run; all usable rows form the part ``test``.

    ``longest`` is the maximum length of rows; None is the model's.

    Raises `DataError` when labels do not match the model's, `ConfigError` when the number of targets differs.
    """
    registry, feed, targets = loaded.registry, loaded.feed, loaded.needed_targets()
    names = file.targets or targets.names
    if len(names) != len(targets.names):
        raise ConfigError(
            f"the model predicts {counted(len(targets.names), 'target')} "
            f"({', '.join(targets.names)}), but `targets` names "
            f"{len(names)}: name a column for each, in this order"
        )
    data = file.config(loaded.config.data)
    censored = isinstance(loaded.config, FinetuneConfig) and loaded.config.censored_labels
    form, most = form_of(targets.kind, censored), loaded.config.model.max_length
    extras = tuple(dict.fromkeys(filter(None, (file.weight, *(names if censored else ()), file.identifier))))
    sources = find_sources(registry, data)
    sources = feed.features.found_in(sources, registry, data, file.columns or (), (*names, *extras))
    labels = LabelColumns(names, form, extras, file.position_mask, targets.values)
    prepared = feed.prepare(registry, sources, data, longest or most, labels, progress, loaded.config.model.grid)
    store = prepared.open()
    check_labels(row_labels(store), names, targets.kind, sources.where, store.row_numbers)
    _refuse_unknown_classes(store, targets, names, sources.where)
    metrics = MetricSet.of(registry, targets.kind)
    unlike = unlike_training(feed, store, np.arange(len(store)), loaded.config.model, "share of the values")
    return LabelledRows(
        label=sources.label,
        name=sources.first.file.name,
        store=store,
        feed=feed,
        targets=names,
        kind=targets.kind,
        guess="",
        metrics=metrics,
        selection=metrics.find(None, weighted=file.weight is not None),
        split="",
        parts={"test": np.arange(len(store))},
        source=sources,
        prepared=prepared,
        max_length=most,
        values=targets.values,
        weights=row_weights(store, file.weight, sources.where),
        limits=row_limits(store, names),
        warnings=(*sources.notes, *unlike),
    )


def with_the_models_classes(judged: LabelledPredictions, store: Store) -> LabelledPredictions:
    """Convert class numbers of the store to those of the model."""
    if not isinstance(judged.targets, Multiclass):
        return judged
    number = {name: index for index, name in enumerate(judged.targets.classes)}
    numbers = np.array([*(number[name] for name in store.classes), np.nan])
    labels = np.where(np.isnan(judged.labels), -1, judged.labels).astype(np.int64)
    return replace(judged, labels=numbers[labels])


def _refuse_unknown_classes(store: Store, targets: Targets, names: tuple[str, ...], where: str) -> None:
    """Raise `DataError` for a class unknown to the model, naming the first row that has it."""
    if not isinstance(targets, Multiclass):
        return
    for number, name in enumerate(store.classes):
        if name not in targets.classes:
            known = ", ".join(map(repr, targets.classes[:20])) + (", …" if len(targets.classes) > 20 else "")
            raise DataError(
                f"{where}, row {store.row_number(_first_row(store, number)):,}: the target {names[0]!r} has the "
                f"class {name!r}, which the model was not trained on; its classes are {known}: remove such rows"
            )


def _first_row(store: Store, number: int) -> int:
    """Return the first store row of class ``number``."""
    ranks = store.symbol_labels(np.arange(len(store)))
    if ranks is None:
        return int(np.flatnonzero(row_labels(store)[:, 0] == number)[0])
    return int(np.searchsorted(np.cumsum(store.label_lengths), np.flatnonzero(ranks == number)[0], side="right"))
