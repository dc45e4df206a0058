"""Labelled rows of any file, for a model that knows its labels already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sma_core.config import DataConfig
from sma_core.data.preparation.prepare import Progress
from sma_core.data.store.store import Store
from sma_core.errors import ConfigError, DataError
from sma_core.feeds.feed import Feed, LabelColumns
from sma_core.labels.label_form import form_of, row_labels
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.models.loaded_run import LoadedRun
from sma_core.sources.source_set import find_sources
from sma_core.training.labelled_predictions import LabelledPredictions
from sma_core.training.targets import Multiclass, Targets, check_labels


@dataclass(frozen=True)
class LabelledFile:
    """What the user says of a file: where it is, and which of its columns hold what.

    ``targets`` empty: the columns are named as those the model learned from, in the same order.
    """

    data: str
    column: str | None = None
    reader: str | None = None
    targets: tuple[str, ...] | None = None
    position_mask: str | None = None
    max_rejected: float | None = None

    def config(self, run: DataConfig, feed: Feed) -> DataConfig:
        """Return the settings of ``run`` with what is said of this file, and the features that the model reads."""
        said: dict[str, Any] = {"source": self.data, "column": self.column, "reader": self.reader}
        if self.max_rejected is not None:
            said["max_rejected"] = self.max_rejected
        return run.model_copy(update=said | {"columns": feed.columns or None})


def read_labelled_file(loaded: LoadedRun, file: LabelledFile, progress: Progress | None = None) -> LabelledRows:
    """Read and check a labelled file as a fine-tuned run reads rows; all usable ones are the part ``test``.

    Raises `DataError` when labels do not fit the model's, `ConfigError` when there are more or fewer targets.
    """
    registry, feed, targets = loaded.registry, loaded.feed, loaded.needed_targets()
    names = file.targets or targets.names
    if len(names) != len(targets.names):
        raise ConfigError(
            f"the model predicts {len(targets.names)} targets ({', '.join(targets.names)}), but --target names "
            f"{len(names)}: name a column for each, in this order"
        )
    data = file.config(loaded.config.data, feed)
    sources = find_sources(registry, data)
    form, longest = form_of(targets.kind), loaded.config.model.max_length
    labels = LabelColumns(names, form, position_mask=file.position_mask)
    prepared = feed.prepare(registry, sources, data, longest, labels, progress)
    store = prepared.open()
    check_labels(row_labels(store), names, targets.kind, sources.where, store.row_numbers)
    _refuse_unknown_classes(store, targets, names, sources.where)
    return LabelledRows(
        label=sources.label,
        name=sources.first.file.name,
        store=store,
        feed=feed,
        targets=names,
        kind=targets.kind,
        kind_guessed=False,
        metric="",
        split="",
        parts={"test": np.arange(len(store))},
        source=sources,
        prepared=prepared,
        max_length=longest,
    )


def with_the_models_classes(judged: LabelledPredictions, store: Store) -> LabelledPredictions:
    """Number the classes of labels as the model does, and not as the store of another file."""
    if not isinstance(judged.targets, Multiclass):
        return judged
    number = {name: at for at, name in enumerate(judged.targets.classes)}
    numbers = np.array([*(number[name] for name in store.classes), np.nan])
    labels = np.where(np.isnan(judged.labels), -1, judged.labels).astype(np.int64)
    return replace(judged, labels=numbers[labels])


def _refuse_unknown_classes(store: Store, targets: Targets, names: tuple[str, ...], where: str) -> None:
    """Raise `DataError` for the first class that the model does not know, with a row that has it."""
    if not isinstance(targets, Multiclass):
        return
    for at, name in enumerate(store.classes):
        if name not in targets.classes:
            known = ", ".join(map(repr, targets.classes[:20])) + (", …" if len(targets.classes) > 20 else "")
            raise DataError(
                f"{where}, row {store.row_number(_first_row(store, at)):,}: the target {names[0]!r} has the "
                f"class {name!r}, which the model does not know; it knows {known}: leave such rows out"
            )


def _first_row(store: Store, number: int) -> int:
    """Return the first row of the store that has the class ``number``."""
    ranks = store.symbol_labels(np.arange(len(store)))
    if ranks is None:
        return int(np.flatnonzero(row_labels(store)[:, 0] == number)[0])
    return int(np.searchsorted(np.cumsum(store.lengths), np.flatnonzero(ranks == number)[0], side="right"))
