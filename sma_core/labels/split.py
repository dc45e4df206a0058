"""Which labelled rows are for training, validation and test: a splitter, a column, or the end of the file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sma_core.config import SplitConfig
from sma_core.data.store.store import Store
from sma_core.errors import ConfigError, DataError
from sma_core.evaluation.splits import (
    PARTS,
    Indices,
    Part,
    check_split,
    draw_subset,
    draw_validation,
    parts_of_values,
)
from sma_core.labels.label_form import row_labels
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Splitter, Task

Parts: TypeAlias = tuple[Indices, Indices, Indices]
MOST_VALUES = 8
"""Values of a column that a message shows."""


@dataclass(frozen=True)
class Division:
    """How the rows are to be divided; of ``column``, ``test_last`` and ``splitter`` the first one given counts."""

    splitter: str
    column: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    test_last: int | None = None
    train_rows: int | None = None

    @classmethod
    def wanted(cls, config: SplitConfig, default: str, task: Task | None = None) -> Division:
        """Take what the user said, else what the task says, else the splitter ``default``."""
        train_rows = config.train_rows or (task.train_rows if task else None)
        if config.name is not None or task is None:
            return cls(config.name or default, config.column, train_rows=train_rows)
        column = config.column or task.split_column
        values = task.split_values if column == task.split_column else ()
        last = task.test_last if column is None else None
        return cls(task.splitter, column, values, last, train_rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that must come along with the rows."""
        return (self.column,) if self.column is not None else ()


@dataclass(frozen=True)
class Divided:
    """Indices of the rows in each part, and what results call the split."""

    parts: Mapping[Part, Indices]
    label: str


def divide(
    registry: Registry, division: Division, config: SplitConfig, store: Store, file: str, rows: int, kind: str
) -> Divided:
    """Divide the rows of a store, prepared from the ``rows`` rows of ``file``, with labels of a ``kind``.

    Where no row is said to be for validation, a share ``config.valid`` of the training rows is drawn; only then
    are the training rows cut down to ``division.train_rows``. Raises `DataError` when a part would be empty.
    """
    splitter = registry.find(Splitter, division.splitter)
    by_splitter = division.column is None and division.test_last is None
    if (config.folds or config.fold) and not (by_splitter and "fold" in splitter.needs):
        raise ConfigError(
            "split.folds and split.fold are for a split into folds: give split.name k-fold too, or leave them out"
        )
    if division.column is not None:
        label, parts = f"column {division.column}", _by_column(division, division.column, store, file)
    elif division.test_last is not None:
        label, parts = f"last {division.test_last:,} rows", _by_end(division.test_last, store, file, rows)
    else:
        label, parts = _by_splitter(splitter, registry, config, store, kind)
    train, valid, test = parts
    if not len(valid):
        train, valid = _with_validation(train, store, config, file)
        label += ", validation drawn from training rows"
    check_split((train, valid, test), len(store), label)
    if division.train_rows is not None:
        label += f", {division.train_rows:,} of {len(train):,} training rows"
        train = _subset(train, division.train_rows, store, config, file)
    return Divided({"train": train, "valid": valid, "test": test}, label)


def _by_splitter(
    splitter: Splitter, registry: Registry, config: SplitConfig, store: Store, kind: str
) -> tuple[str, Parts]:
    """Let a splitter divide the rows, and say what the split is called; it must fill every part."""
    texts = store.texts if store.metadata.has_text else [""] * len(store)
    offered = {"labels": row_labels(store), "kind": kind, "folds": config.fold_count, "fold": config.fold or 1}
    needed = {need: offered[need] for need in splitter.needs}
    train, valid, test = registry.build(splitter)(texts, config.valid, config.test, config.seed, **needed)
    label = splitter.name
    if "fold" in needed:
        label += f", fold {needed['fold']} of {config.fold_count}"
    check_split((train, valid, test), len(store), label)
    return label, (train, valid, test)


def _by_column(division: Division, column: str, store: Store, file: str) -> Parts:
    """Read from a column which part each row belongs to; validation may be empty."""
    values, which = store.extra(column)
    parts = parts_of_values(values, dict(division.values))
    for at, part in enumerate(parts):
        if part is None:
            row = store.row_number(int(np.flatnonzero(which == at)[0]))
            raise DataError(
                f"row {row:,} of {file} has {values[at]!r} in the column {column!r}, which must say train, valid "
                "or test: mend the column, or choose a splitter with split.name"
            )
    numbers = np.array([PARTS.index(part) for part in parts if part is not None])[which]
    train, valid, test = (np.flatnonzero(numbers == at) for at in range(len(PARTS)))
    for rows, what in ((train, "training part"), (test, "test")):
        if not len(rows):
            there = ", ".join(map(repr, values[:MOST_VALUES])) + (", …" if len(values) > MOST_VALUES else "")
            raise DataError(
                f"the column {column!r} puts no row into the {what}: {file} has usable rows with {there} only; "
                "mend the column, or choose a splitter with split.name"
            )
    return train, valid, test


def _by_end(count: int, store: Store, file: str, rows: int) -> Parts:
    """Take the last ``count`` rows of the file, usable or not, for the test; validation is empty."""
    last = store.row_numbers > rows - count
    train, test = np.flatnonzero(~last), np.flatnonzero(last)
    for part, what in ((train, "training"), (test, "the test")):
        if not len(part):
            raise DataError(
                f"the test is the last {count:,} of the {rows:,} rows of {file}, which leaves no usable row for "
                f"{what}: give the whole file, or choose a splitter with split.name"
            )
    return train, np.zeros(0, dtype=np.int64), test


def _with_validation(train: Indices, store: Store, config: SplitConfig, file: str) -> tuple[Indices, Indices]:
    """Draw validation rows from the training rows; give what is left of these, and the drawn ones."""
    left, valid = draw_validation(train, store.row_numbers, config.valid, config.seed)
    if not len(valid) or not len(left):
        raise DataError(
            f"split.valid, a share of {config.valid:g} of the {len(train):,} training rows of {file}, leaves no "
            "row for training or none for validation: change it, or give more rows"
        )
    return left, valid


def _subset(train: Indices, count: int, store: Store, config: SplitConfig, file: str) -> Indices:
    if count > len(train):
        raise DataError(
            f"{count:,} training rows are asked for, but the split of {file} has {len(train):,}: lower "
            "split.train_rows"
        )
    return draw_subset(train, store.row_numbers, count, config.seed)
