"""The Arrow store: prepared rows in one file, read as views into a memory map.

The format is described in `sma_core.data.store_format`, writing is in `sma_core.data.store_writer`.

Letters: n rows, F features, K targets.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.data.classes import class_order
from sma_core.data.mapped import MappedLists
from sma_core.data.scaling import FeatureScale
from sma_core.data.store_format import SYMBOL_TYPE, StoreMetadata, StoreStatistics, read_metadata
from sma_core.data.store_writer import StoreWriter
from sma_core.data.tokenizers import gather_index
from sma_core.errors import DataError

__all__ = ["Store", "StoreMetadata", "StoreStatistics", "StoreWriter"]


class Store:
    """A finished store, memory-mapped. Opening reads only the file's ends; workers get it by its path."""

    def __init__(self, path: Path, reader: Any, whole: NDArray[Any], base: int) -> None:  # noqa: ANN401
        self.path = path
        self._reader = reader
        self.metadata, self.statistics = read_metadata(path, reader)
        self._batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        name = "values" if self.metadata.holds_values else "ids"
        self._content = MappedLists(self._batches, name, self.metadata.row_type, whole, base)
        self.symbols: MappedLists | None = None
        """A number for every id of a row whose characters are labelled: see `symbol_ranks`."""
        if self.metadata.has_symbols:
            self.symbols = MappedLists(self._batches, "symbols", SYMBOL_TYPE, whole, base)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map the store at ``path``; raise `DataError` when it is damaged, foreign, or of a later format."""
        path = Path(path)
        if not path.is_file():
            raise DataError(f"there is no store at {path}; prepare the data again")
        try:
            source = pa.memory_map(str(path))
            reader = pa.ipc.open_file(source)
            source.seek(0)
            whole = source.read_buffer(source.size())
            store = cls(path, reader, np.frombuffer(whole, dtype=np.uint8), whole.address)
            store._check()
        except (pa.ArrowException, OSError, ValueError, IndexError, TypeError, KeyError) as error:
            raise DataError(f"{path} is no whole store ({error}); remove it and prepare the data again") from error
        return store

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return type(self).open, (self.path,)

    def __len__(self) -> int:
        return self.statistics.rows

    @property
    def flat(self) -> NDArray[Any]:
        """The whole file seen as ids or values; ``starts`` says where each row's stand in it."""
        return self._content.flat

    @property
    def starts(self) -> NDArray[np.int64]:
        """(n,) position in ``flat`` of each row's first id or value."""
        return self._content.starts

    @property
    def lengths(self) -> NDArray[np.int32]:
        """(n,) number of ids or values in each row."""
        return self._content.lengths

    @cached_property
    def row_numbers(self) -> NDArray[np.int64]:
        """(n,) number of each row in the source file."""
        parts = [batch.column(1).to_numpy(zero_copy_only=True) for batch in self._batches]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    @cached_property
    def targets(self) -> NDArray[np.float32] | None:
        """(n, K) targets, or indices into ``classes``; NaN where missing; None without such labels."""
        if not self.metadata.targets or self.metadata.has_symbols:
            return None
        parts = [batch.column("targets").flatten().to_numpy() for batch in self._batches]
        found: NDArray[np.float32] = np.concatenate(parts).reshape(-1, len(self.metadata.targets))
        if self.metadata.label_form == "classes":
            known = ~np.isnan(found)
            found[known] = self._ranks[found[known].astype(np.int64)]
        return found

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, or symbols, in their order; empty where labels are numbers."""
        return class_order(self.statistics.classes)

    @cached_property
    def _ranks(self) -> NDArray[np.float32]:
        """(classes + 1,) index into ``classes`` of each number in the file; the last one, for -1, is NaN."""
        rank = {name: at for at, name in enumerate(self.classes)}
        return np.array([*(rank[name] for name in self.statistics.classes), np.nan], dtype=np.float32)

    def symbol_ranks(self, numbers: NDArray[np.int16]) -> NDArray[np.float32]:
        """Turn numbers of ``symbols`` (any shape) into indices into ``classes``, NaN where nothing is known."""
        return self._ranks[numbers]

    @property
    def scale(self) -> FeatureScale | None:
        """Mean and spread of the features over the rows of this store; None in a store of ids."""
        return self.statistics.feature_scale()

    @property
    def texts(self) -> list[str]:
        """Raw texts of all rows, read anew at each call; empty in a store without them."""
        if not self.metadata.has_text:
            return []
        return [text for batch in self._batches for text in batch.column("text").to_pylist()]

    def ids(self, index: int) -> NDArray[Any]:
        """View the ids or values of row ``index`` (n_i,) in the memory map, without copying."""
        start = self.starts[index]
        return self.flat[start : start + self.lengths[index]]

    def values(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows of numbers (m, F), NaN where missing, as they stand in the store."""
        found: NDArray[np.float32] = self.flat[gather_index(self.starts[rows], self.lengths[rows])]
        return found.reshape(len(rows), len(self.metadata.columns))

    def row_number(self, index: int) -> int:
        """Return the number of row ``index`` in the source file."""
        return int(self.row_numbers[index])

    def _check(self) -> None:
        if sum(batch.num_rows for batch in self._batches) != self.statistics.rows:
            raise ValueError("its number of rows is wrong")
        for lists in (self._content, self.symbols):
            if lists is not None:
                lists.check()
