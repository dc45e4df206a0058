"""The store: prepared rows in one Arrow file or many, seen as one sequence of rows through memory maps.

The format is described in `sma_core.data.store.format`, a file of it is read by `sma_core.data.store.file` and
written by `sma_core.data.store.writer`.

Letters: n rows, F features, K targets; m rows chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.data.classes import class_order
from sma_core.data.scaling import FeatureScale, fit_scale
from sma_core.data.store.file import StoreFile
from sma_core.data.store.format import StoreMetadata, StoreStatistics
from sma_core.data.store.mapped import MappedLists
from sma_core.data.store.writer import StoreWriter
from sma_core.data.tokenizers import gather_index
from sma_core.errors import DataError

__all__ = ["Store", "StoreMetadata", "StoreStatistics", "StoreWriter"]

ROWS_IN_BLOCK = 1 << 16


class Store:
    """Finished files, one after the other. Opening reads only their ends; workers get a store by its paths.

    ``before`` has for each file the number of rows of the source files before its own: added to the numbers in
    the file, it gives numbers that count on through all of them.
    """

    def __init__(self, files: Sequence[StoreFile], before: Sequence[int] = ()) -> None:
        self.files = list(files)
        self._before = tuple(before) or (0,) * len(self.files)
        self._bounds = np.cumsum([0, *map(len, self.files)])

    @classmethod
    def open(cls, *paths: Path, before: Sequence[int] = ()) -> Self:
        """Map the files at ``paths``; raise `DataError` when one is damaged, foreign, or unlike the others."""
        files = [StoreFile.open(path) for path in paths]
        for file in files[1:]:
            _check_alike(files[0], file)
        return cls(files, before)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (type(self), tuple(file.path for file in self.files), self._before)

    def __len__(self) -> int:
        return int(self._bounds[-1])

    @property
    def metadata(self) -> StoreMetadata:
        """What made the rows."""
        return self.files[0].metadata

    @cached_property
    def statistics(self) -> StoreStatistics:
        """Figures of all files together."""
        each = [file.statistics for file in self.files]
        return StoreStatistics(
            rows=len(self),
            ids=sum(figures.ids for figures in each),
            longest=max(figures.longest for figures in each),
            classes=self.classes,
        )

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        """(n,) number of ids or values in each row."""
        return self._joined([file.content.lengths for file in self.files])

    @cached_property
    def row_numbers(self) -> NDArray[np.int64]:
        """(n,) number of each row in its source file, or in the source files taken together."""
        numbers = zip(self.files, self._before, strict=True)
        return self._joined(
            [file.row_numbers + before if before else file.row_numbers for file, before in numbers]
        )

    @cached_property
    def targets(self) -> NDArray[np.float32] | None:
        """(n, K) targets, or indices into ``classes``; NaN where missing; None without such labels."""
        if not self.metadata.targets or self.metadata.has_symbols:
            return None
        if self.metadata.label_form != "classes":
            return self._joined([file.targets for file in self.files])
        parts = [file.targets for file in self.files]
        return self._joined([_ranked(part, ranks) for part, ranks in zip(parts, self._ranks, strict=True)])

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, or symbols, in their order; empty where labels are numbers."""
        return class_order(dict.fromkeys(name for file in self.files for name in file.statistics.classes))

    @cached_property
    def _ranks(self) -> list[NDArray[np.float32]]:
        """For each file (classes + 1,) index into ``classes`` of each number in it; the last, for -1, is NaN."""
        rank = {name: at for at, name in enumerate(self.classes)}
        names = [file.statistics.classes for file in self.files]
        return [np.array([*(rank[name] for name in each), np.nan], dtype=np.float32) for each in names]

    def symbol_labels(self, rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """Return for each id of these rows (m,) an index into ``classes``, end to end; NaN where none is known.

        None in a store whose characters have no labels.
        """
        if not self.metadata.has_symbols:
            return None

        def labels(at: int, own: NDArray[np.int64]) -> NDArray[Any]:
            ranks: NDArray[np.float32] = self._ranks[at][_there(self.files[at].symbols).gather(own)]
            return ranks

        return self._gathered(rows, np.dtype(np.float32), labels)

    @property
    def texts(self) -> list[str]:
        """Raw texts of all rows, read anew at each call; empty in a store without them."""
        return [text for file in self.files for text in file.texts] if self.metadata.has_text else []

    def extra(self, name: str) -> tuple[list[str], NDArray[np.int32]]:
        """Return the different texts of an extra column, and for each row (n,) which of them it has."""
        from pyarrow import compute

        column = pa.chunked_array([chunk for file in self.files for chunk in file.extra(name)], pa.string())
        different = compute.unique(column)
        which: NDArray[np.int32] = compute.index_in(column, value_set=different).to_numpy()
        return different.to_pylist(), which

    def ids(self, index: int) -> NDArray[Any]:
        """View the ids or values of row ``index`` (n_i,) in the memory map, without copying."""
        at = int(np.searchsorted(self._bounds, index, side="right")) - 1
        return self.files[at].content.row(index - int(self._bounds[at]))

    def gather(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the ids or values of these rows (m,), copied end to end."""
        return self._gathered(rows, self.metadata.row_type, lambda at, own: self.files[at].content.gather(own))

    def values(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows of numbers (m, F), NaN where missing, as they stand in the store."""
        found: NDArray[np.float32] = self.gather(rows)
        return found.reshape(len(rows), len(self.metadata.columns))

    def scale(self, rows: NDArray[np.int64]) -> FeatureScale:
        """Take mean and spread of the features over these rows (m,), some at a time."""
        starts = range(0, len(rows), ROWS_IN_BLOCK)
        blocks = (self.values(rows[start : start + ROWS_IN_BLOCK]) for start in starts)
        return fit_scale(blocks, self.metadata.columns)

    def row_number(self, index: int) -> int:
        """Return the number of row ``index``, as in ``row_numbers``."""
        return int(self.row_numbers[index])

    def _gathered(
        self,
        rows: NDArray[np.int64],
        dtype: np.dtype[Any],
        read: Callable[[int, NDArray[np.int64]], NDArray[Any]],
    ) -> NDArray[Any]:
        """Let ``read`` give what its file has for each id of ``rows``, and put it into their order."""
        if len(self.files) == 1:
            return read(0, rows)
        lengths = self.lengths[rows].astype(np.int64)
        ends = np.cumsum(lengths)
        found = np.empty(int(ends[-1]) if len(ends) else 0, dtype=dtype)
        holders = np.searchsorted(self._bounds, rows, side="right") - 1
        for at in np.unique(holders).tolist():
            here = np.flatnonzero(holders == at)
            places = gather_index(ends[here] - lengths[here], lengths[here])
            found[places] = read(at, rows[here] - self._bounds[at])
        return found

    def _joined(self, parts: list[NDArray[Any]]) -> NDArray[Any]:
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _reopened(kind: type[Store], paths: tuple[Path, ...], before: tuple[int, ...]) -> Store:
    return kind.open(*paths, before=before)


def _ranked(numbers: NDArray[np.float32], ranks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn class numbers of a file into indices into the classes of the store; NaN stays."""
    found = numbers.copy()
    known = ~np.isnan(found)
    found[known] = ranks[found[known].astype(np.int64)]
    return found


def _there(lists: MappedLists | None) -> MappedLists:
    assert lists is not None, "all files of a store have the same columns"
    return lists


def _check_alike(first: StoreFile, other: StoreFile) -> None:
    """Raise `DataError` when the rows of two files cannot be of one store."""
    one, two = first.metadata, other.metadata
    for name in (
        "tokenizer",
        "tokenizer_version",
        "vocabulary_size",
        "columns",
        "targets",
        "label_form",
        "extras",
    ):
        if getattr(one, name) != getattr(two, name):
            raise DataError(
                f"{first.path} and {other.path} cannot be one set: {name} is {getattr(one, name)!r} in the first "
                f"and {getattr(two, name)!r} in the other"
            )
