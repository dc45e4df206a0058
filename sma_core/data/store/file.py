"""Read one store file as views into a memory map.

The format is described in `sma_core.data.store.format`.

Letters: n rows of the file, K targets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.data.store.format import COUNT_TYPE, SYMBOL_TYPE, extra_column, read_metadata
from sma_core.data.store.mapped import MappedLists, plain_numbers
from sma_core.errors import DataError


class StoreFile:
    """A complete, memory-mapped file. Class numbers are those of this file, not of the whole store."""

    def __init__(self, path: Path, reader: Any, whole: NDArray[Any], base: int) -> None:  # noqa: ANN401
        self.path = path
        self._reader = reader
        self.metadata, self.statistics = read_metadata(path, reader)
        self._batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        name = "values" if self.metadata.holds_values else "ids"
        width = len(self.metadata.columns) if self.metadata.sequences else None
        self.content = MappedLists(self._batches, name, self.metadata.row_type, whole, base, width)
        self.symbols: MappedLists | None = None
        """A class number for every id, or character, of rows with labelled characters, -1 where unknown."""
        self.characters: MappedLists | None = None
        """The number of characters of every id, in a file with symbols of characters."""
        if self.metadata.has_symbols:
            self.symbols = MappedLists(self._batches, "symbols", SYMBOL_TYPE, whole, base)
        if self.metadata.by_character:
            self.characters = MappedLists(self._batches, "characters", COUNT_TYPE, whole, base)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map the file at ``path``; raises `DataError` when it is damaged, not a store, or of a later format."""
        path = Path(path)
        if not path.is_file():
            raise DataError(f"there is no store at {path}; prepare the data again")
        try:
            source = pa.memory_map(str(path))
            reader = pa.ipc.open_file(source)
            source.seek(0)
            whole = source.read_buffer(source.size())
            file = cls(path, reader, np.frombuffer(whole, dtype=np.uint8), whole.address)
            file._check()
        except (pa.ArrowException, OSError, ValueError, IndexError, TypeError, KeyError) as error:
            raise DataError(
                f"{path} is not a complete store ({error}); remove it and prepare the data again"
            ) from error
        return file

    def __len__(self) -> int:
        return self.statistics.rows

    @property
    def row_numbers(self) -> NDArray[np.int64]:
        """(n,) row numbers in the source file."""
        parts = [plain_numbers(batch.column(1), np.dtype(np.int64)) for batch in self._batches]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    @property
    def targets(self) -> NDArray[np.float64]:
        """(n, K) targets or class numbers, NaN where missing; only for files with such labels."""
        columns = [batch.column("targets").flatten() for batch in self._batches]
        kind = np.dtype(np.float64 if columns[0].type == pa.float64() else np.float32)  # before version 6
        targets = np.concatenate([plain_numbers(column, kind) for column in columns]).astype(np.float64)
        return targets.reshape(-1, len(self.metadata.targets))

    @property
    def texts(self) -> list[str]:
        """Raw texts of all rows."""
        return [text for batch in self._batches for text in batch.column("text").to_pylist()]

    def extra(self, name: str) -> list[Any]:
        """Return the chunks of an extra column of texts."""
        return [batch.column(extra_column(name)) for batch in self._batches]

    def _check(self) -> None:
        if sum(batch.num_rows for batch in self._batches) != self.statistics.rows:
            raise ValueError("its number of rows is wrong")
        for lists in (self.content, self.symbols, self.characters):
            if lists is not None:
                lists.check()
