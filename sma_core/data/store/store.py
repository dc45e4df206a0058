"""Prepared rows in one or several memory-mapped Arrow files, accessed as one sequence.

See `sma_core.data.store.format` for the format, `sma_core.data.store.writer` for writing.

Letters: n rows, F features, K targets; m selected rows, T ids or positions of theirs, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.data.labels import class_order
from sma_core.data.scaling import FeatureScale, Transforms, fit_scale
from sma_core.data.sequences import Sequences, bounds_of
from sma_core.data.store.file import StoreFile
from sma_core.data.store.format import COUNT_TYPE, StoreMetadata, StoreStatistics
from sma_core.data.store.writer import StoreWriter
from sma_core.data.tokenizers import gather_index
from sma_core.errors import DataError

__all__ = ["Store", "StoreMetadata", "StoreStatistics", "StoreWriter"]

ROWS_IN_BLOCK = 1 << 16


class Store:
    """A sequence of store files. Opening reads only metadata; pickling passes the paths.

    ``before`` has, for each file, the number of source rows before it; it is added to the file's row numbers, so
    that rows are numbered through all files.
    """

    def __init__(self, files: Sequence[StoreFile], before: Sequence[int] = ()) -> None:
        self.files = list(files)
        self._before = tuple(before) or (0,) * len(self.files)
        self._bounds = np.cumsum([0, *map(len, self.files)])

    @classmethod
    def open(cls, *paths: Path, before: Sequence[int] = (), names: Sequence[str] = ()) -> Self:
        """Map the files at ``paths``; raises `DataError` when one is damaged, or they do not match.

        ``names`` are those of the source files, for messages; empty: the paths.
        """
        files = [StoreFile.open(path) for path in paths]
        named = tuple(names) or tuple(map(str, paths))
        for file, name in zip(files[1:], named[1:], strict=True):
            _check_alike(files[0].metadata, file.metadata, named[0], name)
        return cls(files, before)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (type(self), tuple(file.path for file in self.files), self._before)

    def __len__(self) -> int:
        return int(self._bounds[-1])

    @property
    def metadata(self) -> StoreMetadata:
        """How the rows were made."""
        return self.files[0].metadata

    @cached_property
    def statistics(self) -> StoreStatistics:
        """Merged statistics of all files."""
        parts = [file.statistics for file in self.files]
        return StoreStatistics(
            rows=len(self),
            ids=sum(part.ids for part in parts),
            longest=max(part.longest for part in parts),
            classes=self.classes,
        )

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        """(n,) number of ids, values or positions in each row."""
        return self._joined([file.content.lengths for file in self.files])

    @cached_property
    def row_numbers(self) -> NDArray[np.int64]:
        """(n,) row numbers in the source, counted through all source files."""
        numbers = zip(self.files, self._before, strict=True)
        return self._joined(
            [file.row_numbers + before if before else file.row_numbers for file, before in numbers]
        )

    @cached_property
    def targets(self) -> NDArray[np.float64] | None:
        """(n, K) targets or indices into ``classes``, NaN where missing; None without such labels."""
        if not self.metadata.targets or self.metadata.has_symbols:
            return None
        if self.metadata.label_form != "classes":
            return self._joined([file.targets for file in self.files])
        parts = [file.targets for file in self.files]
        return self._joined([_ranked(part, ranks) for part, ranks in zip(parts, self._ranks, strict=True)])

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Sorted class names or symbols; empty when labels are numbers."""
        return class_order(dict.fromkeys(name for file in self.files for name in file.statistics.classes))

    @cached_property
    def _ranks(self) -> list[NDArray[np.float32]]:
        """Per file, (classes + 1,) index into ``classes`` of each class number; the last, for -1, is NaN."""
        rank = {name: index for index, name in enumerate(self.classes)}
        file_classes = [file.statistics.classes for file in self.files]
        return [np.array([*(rank[name] for name in names), np.nan], dtype=np.float32) for names in file_classes]

    @cached_property
    def label_lengths(self) -> NDArray[np.int32]:
        """(n,) number of labels of each row in `symbol_labels`: of its ids, or of its characters."""
        lists = [file.content if file.symbols is None else file.symbols for file in self.files]
        return self._joined([each.lengths for each in lists])

    def symbol_labels(self, rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """Return an index into ``classes`` for each id of rows (m,), concatenated; NaN where unknown.

        They are for each character if ids may stand for several. Returns None for a store without labels of
        characters.
        """
        if not self.metadata.has_symbols:
            return None

        def labels(file: int, file_rows: NDArray[np.int64]) -> NDArray[Any]:
            symbols = self.files[file].symbols
            assert symbols is not None, "all files of a store have the same columns"
            ranks: NDArray[np.float32] = self._ranks[file][symbols.gather(file_rows)]
            return ranks

        return self._gathered(rows, np.dtype(np.float32), labels, self.label_lengths)

    def characters(self, rows: NDArray[np.int64]) -> NDArray[np.int32] | None:
        """Return for each id of rows (m,) the number of characters that it stands for (T,).

        Returns None for a store without labels of characters, or with one label for each id.
        """
        if not self.metadata.by_character:
            return None

        def counts(file: int, file_rows: NDArray[np.int64]) -> NDArray[Any]:
            characters = self.files[file].characters
            assert characters is not None, "all files of a store have the same columns"
            return characters.gather(file_rows)

        return self._gathered(rows, COUNT_TYPE, counts)

    @property
    def texts(self) -> list[str]:
        """Raw texts of all rows, read from disk at each call; empty in a store without texts."""
        return [text for file in self.files for text in file.texts] if self.metadata.has_text else []

    def extra(self, name: str) -> tuple[list[str], NDArray[np.int32]]:
        """Return the distinct texts of an extra column, and for each row (n,) the index of its text."""
        from pyarrow import compute

        column = pa.chunked_array([chunk for file in self.files for chunk in file.extra(name)], pa.string())
        distinct = compute.unique(column)
        indices: NDArray[np.int32] = compute.index_in(column, value_set=distinct).to_numpy()
        return distinct.to_pylist(), indices

    def ids(self, index: int) -> NDArray[Any]:
        """Return a view (n_i,) of the ids or values of row ``index``, or of its vectors (n_i, C)."""
        file = int(np.searchsorted(self._bounds, index, side="right")) - 1
        return self.files[file].content.row(index - int(self._bounds[file]))

    def gather(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return a concatenated copy of the ids or values of rows (m,): (T,), or vectors (T, C) of sequences."""
        read = [file.content.gather for file in self.files]
        return self._gathered(rows, self.metadata.row_type, lambda file, file_rows: read[file](file_rows))

    def values(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return unscaled values (m, F), NaN where missing."""
        values: NDArray[np.float32] = self.gather(rows)
        return values.reshape(len(rows), len(self.metadata.columns))

    def sequences(self, rows: NDArray[np.int64]) -> Sequences:
        """Return the unscaled sequences of rows (m,), as float32."""
        return Sequences(self.gather(rows), bounds_of(self.lengths[rows].astype(np.int64))).as_float32()

    def scale(self, rows: NDArray[np.int64], transforms: Transforms = ()) -> FeatureScale:
        """Compute mean and standard deviation of the transformed features over rows (m,), block by block.

        Those of a sequence's channels are over all positions.
        """
        columns = len(self.metadata.columns)
        starts = range(0, len(rows), ROWS_IN_BLOCK)
        blocks = (self.gather(rows[start : start + ROWS_IN_BLOCK]).reshape(-1, columns) for start in starts)
        return fit_scale(blocks, self.metadata.columns, transforms)

    def row_number(self, index: int) -> int:
        """Return the number of row ``index``, as in ``row_numbers``."""
        return int(self.row_numbers[index])

    def _gathered(
        self,
        rows: NDArray[np.int64],
        dtype: np.dtype[Any],
        read: Callable[[int, NDArray[np.int64]], NDArray[Any]],
        lengths: NDArray[np.int32] | None = None,
    ) -> NDArray[Any]:
        """Call ``read`` with each file's index and rows, and return its results in the order of ``rows``.

        ``lengths`` (n,) are the numbers of items of all rows; None: those of ids, values or positions.
        """
        if len(self.files) == 1:
            return read(0, rows)
        lengths = (self.lengths if lengths is None else lengths)[rows].astype(np.int64)
        ends = np.cumsum(lengths)
        vector = (len(self.metadata.columns),) if self.metadata.sequences else ()
        result = np.empty((int(ends[-1]) if len(ends) else 0, *vector), dtype=dtype)
        files = np.searchsorted(self._bounds, rows, side="right") - 1
        for file in np.unique(files).tolist():
            indices = np.flatnonzero(files == file)
            positions = gather_index(ends[indices] - lengths[indices], lengths[indices])
            result[positions] = read(file, rows[indices] - self._bounds[file])
        return result

    def _joined(self, parts: list[NDArray[Any]]) -> NDArray[Any]:
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _reopened(kind: type[Store], paths: tuple[Path, ...], before: tuple[int, ...]) -> Store:
    return kind.open(*paths, before=before)


def _ranked(numbers: NDArray[np.float64], ranks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Convert class numbers of a file to indices into the store's classes; NaN stays NaN."""
    indices = numbers.copy()
    known = ~np.isnan(indices)
    indices[known] = ranks[indices[known].astype(np.int64)]
    return indices


def _check_alike(one: StoreMetadata, two: StoreMetadata, first: str, other: str) -> None:
    """Raise `DataError` when two files, named ``first`` and ``other``, cannot belong to one store."""
    rows = ("tokenizer", "tokenizer_version", "vocabulary_size", "columns", "sequences", "value_type")
    for name in (*rows, "targets", "label_form", "extras", "by_character"):
        values = getattr(one, name), getattr(two, name)
        if values[0] == values[1]:
            continue
        said = [", ".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in values]
        raise DataError(
            f"{first} and {other} cannot be one set, since they differ in their {name.replace('_', ' ')}: "
            f"{said[0] or 'none'} in the first, {said[1] or 'none'} in the other"
        )
