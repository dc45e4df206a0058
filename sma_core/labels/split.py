"""Split labelled rows into training, validation and test: by a splitter, a column, or the last rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

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
    fault_of_rows,
    parts_of_values,
)
from sma_core.labels.duplicates import first_of_each
from sma_core.labels.label_form import row_labels
from sma_core.plugin_calls import check_result, errors_of, given
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Splitter, Task
from sma_core.printable import counted
from sma_core.training.finetuning.targets import is_per_position

Parts: TypeAlias = tuple[Indices, Indices, Indices]
MOST_VALUES = 8
"""Maximum number of column values in a message."""


@dataclass(frozen=True)
class Division:
    """How to split rows: by ``column``, else by ``test_last`` rows, else by ``splitter``."""

    splitter: str
    column: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    test_last: int | None = None
    train_rows: int | None = None

    @classmethod
    def wanted(cls, config: SplitConfig, default: str, task: Task | None = None) -> Division:
        """Return the split of the user, else of the task, else of the splitter ``default``."""
        train_rows = config.train_rows or (task.train_rows if task else None)
        if config.name is not None or task is None:
            return cls(config.name or default, config.column, train_rows=train_rows)
        column = config.column or task.split_column
        values = task.split_values if column == task.split_column else ()
        last = task.test_last if column is None else None
        return cls(task.splitter, column, values, last, train_rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns to store with the rows."""
        return (self.column,) if self.column is not None else ()


@dataclass(frozen=True)
class Divided:
    """Row indices of each part, and the description of the split in results."""

    parts: Mapping[Part, Indices]
    label: str


def divide(
    registry: Registry,
    division: Division,
    config: SplitConfig,
    store: Store,
    file: str,
    rows: int,
    kind: str,
    equal: NDArray[np.int64],
) -> Divided:
    """Split a store, prepared from the ``rows`` rows of ``file``, with labels of ``kind``.

    With ``config.group``, rows of the same number in ``equal`` (n,) are in the same part. Labels of positions are
    split at random where the default splitter needs labels of rows.

    Without validation rows, a share ``config.valid`` of the training rows is drawn; with the authors' protocol the
    validation part is empty instead. Then the training rows are reduced to ``division.train_rows``. Raises
    `DataError` when another part would be empty.
    """
    splitter = registry.find(Splitter, division.splitter)
    if config.name is None and "labels" in splitter.needs and is_per_position(kind):
        splitter = registry.find(Splitter, "random")
    by_splitter = division.column is None and division.test_last is None
    if config.group and not by_splitter:
        raise ConfigError(
            "split.group keeps equal rows together in a split that is drawn, but this one is fixed by the file: "
            "leave it out, or choose a splitter with split.name"
        )
    if (config.folds or config.fold) and not (by_splitter and "fold" in splitter.needs):
        raise ConfigError(
            "split.folds and split.fold need a split into folds: set split.name to k-fold, or leave them out"
        )
    if division.column is not None:
        tested = config.test > 0.0
        label, parts = f"column {division.column}", _by_column(division, division.column, store, file, tested)
    elif division.test_last is not None:
        label, parts = f"last {counted(division.test_last, 'row')}", _by_end(division.test_last, store, file, rows)
    else:
        label, parts = _by_splitter(splitter, registry, config, store, kind, equal)
    train, valid, test = parts
    if config.protocol == "authors":
        train, valid, change = _without_validation(parts, len(store))
        label += f", {change}"
    else:
        if not len(valid):
            train, valid = _with_validation(train, store, config, file, equal)
            label += ", validation drawn from training rows"
        check_split((train, valid, test), len(store), label, config.test > 0.0)
    if division.train_rows is not None:
        label += f", {division.train_rows:,} of {counted(len(train), 'training row')}"
        train = _subset(train, division.train_rows, store, config, file)
    return Divided({"train": train, "valid": valid, "test": test}, label)


def _by_splitter(
    splitter: Splitter,
    registry: Registry,
    config: SplitConfig,
    store: Store,
    kind: str,
    equal: NDArray[np.int64],
) -> tuple[str, Parts]:
    """Call a splitter, and return the description of the split and its parts; no part may be empty.

    With ``config.group``, the splitter divides the first of each set of equal rows, and the others follow it.
    """
    texts, labels = store.texts if store.metadata.has_text else [""] * len(store), row_labels(store)
    first, group = first_of_each(equal) if config.group else (np.arange(len(store)), np.arange(len(store)))
    if config.group:
        texts, labels = [texts[row] for row in first.tolist()], labels[first]
    arguments = {"labels": labels, "kind": kind, "folds": config.fold_count, "fold": config.fold or 1}
    needed = {need: arguments[need] for need in splitter.needs}
    function = registry.label(splitter)
    with errors_of(function):
        result = registry.build(splitter)(texts, config.valid, config.test, config.seed, **needed)
    check_result(function, _fault_of_parts(result) or fault_of_rows(result, store.row_numbers[first]))
    train, valid, test = result
    label = splitter.name + (", equal rows together" if config.group else "")
    if "fold" in needed:
        label += f", fold {needed['fold']} of {config.fold_count}"
    check_split((train, valid, test), len(texts), label, config.test > 0.0)
    if config.group:
        train, valid, test = (np.flatnonzero(np.isin(group, part)) for part in (train, valid, test))
    return label, (train, valid, test)


def _fault_of_parts(parts: object) -> str | None:
    """Return what a splitter must return; None for the indices of three parts."""
    arrays = parts if isinstance(parts, tuple) and len(parts) == 3 else ()
    fit = [isinstance(part, np.ndarray) and part.ndim == 1 and part.dtype.kind == "i" for part in arrays]
    if len(fit) == 3 and all(fit):
        return None
    what = f"a tuple of {', '.join(map(given, parts))}" if isinstance(parts, tuple) else given(parts)
    return f"a tuple of three int64 arrays, the indices of training, validation and test rows, not {what}"


def _by_column(division: Division, column: str, store: Store, file: str, tested: bool) -> Parts:
    """Split by the values of a column; validation may be empty, and the test unless ``tested``."""
    values, indices = store.extra(column)
    parts = parts_of_values(values, dict(division.values))
    for index, part in enumerate(parts):
        if part is None:
            row = store.row_number(int(np.flatnonzero(indices == index)[0]))
            raise DataError(
                f"row {row:,} of {file} has {values[index]!r} in the column {column!r}, which must be train, "
                "valid or test: correct the column, or choose a splitter with split.name"
            )
    numbers = np.array([PARTS.index(part) for part in parts if part is not None])[indices]
    train, valid, test = (np.flatnonzero(numbers == number) for number in range(len(PARTS)))
    for rows, what in ((train, "training part"), (test, "test")):
        if not len(rows) and (tested or rows is train):
            shown = ", ".join(map(repr, values[:MOST_VALUES])) + (", …" if len(values) > MOST_VALUES else "")
            raise DataError(
                f"the column {column!r} puts no row into the {what}: {file} has usable rows with {shown} only; "
                "correct the column, or choose a splitter with split.name"
            )
    return train, valid, test


def _by_end(count: int, store: Store, file: str, rows: int) -> Parts:
    """Use the last ``count`` rows of the file, usable or not, as the test part; validation is empty."""
    last = store.row_numbers > rows - count
    train, test = np.flatnonzero(~last), np.flatnonzero(last)
    for part, what in ((train, "training"), (test, "the test")):
        if not len(part):
            raise DataError(
                f"the test part is the last {count:,} of the {counted(rows, 'row')} of {file}, "
                f"which leaves no usable "
                f"row for {what}: use the complete file, or choose a splitter with split.name"
            )
    return train, np.zeros(0, dtype=np.int64), test


def _with_validation(
    train: Indices, store: Store, config: SplitConfig, file: str, equal: NDArray[np.int64]
) -> tuple[Indices, Indices]:
    """Draw validation rows from the training rows; return the remaining training rows and the drawn ones."""
    remaining, valid = draw_validation(train, store.row_numbers, config.valid, config.seed)
    if config.group:
        first, group = first_of_each(equal[train])
        drawn = draw_validation(train[first], store.row_numbers, config.valid, config.seed)
        remaining, valid = (train[np.isin(group, np.searchsorted(train[first], part))] for part in drawn)
    if not len(valid) or not len(remaining):
        raise DataError(
            f"split.valid, a share of {config.valid:g} of the {counted(len(train), 'training row')} "
            f"of {file}, leaves no "
            "row for training or none for validation: change it, or give more rows"
        )
    return remaining, valid


def _without_validation(parts: Parts, rows: int) -> tuple[Indices, Indices, str]:
    """Add the validation rows to the training rows; return them, an empty validation part, and a description.

    If a splitter leaves some of the ``rows`` in no part, it limits the number of training rows: validation rows
    then join no part.
    """
    train, valid, _ = parts
    if sum(map(len, parts)) < rows:
        return train, valid[:0], "validation rows are unused"
    return np.sort(np.concatenate([train, valid])), valid[:0], "validation rows join training"


def _subset(train: Indices, count: int, store: Store, config: SplitConfig, file: str) -> Indices:
    if count > len(train):
        raise DataError(
            f"{count:,} training rows are requested, but the split of {file} has {len(train):,}: lower "
            "split.train_rows"
        )
    return draw_subset(train, store.row_numbers, count, config.seed)
