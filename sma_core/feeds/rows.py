"""Chunks of rows, in order, from a file or from memory; unusable rows have a reason.

Letters: n rows of a chunk, m of them usable, F features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.records import RejectedRow
from sma_core.data.sequences import Sequences
from sma_core.data.tokenizers import EncodedRows, select
from sma_core.data.windows import Windows
from sma_core.sources.reading import ROWS_IN_CHUNK as ROWS_IN_CHUNK
from sma_core.sources.reading import ChunkShare as ChunkShare

MemoryRows = Iterable[str] | Iterable[NDArray[Any]] | NDArray[Any]
"""Texts, an array of numbers (n, F), NaN where missing, or sequences: n arrays (n_i, C).

Also a table, of which columns are taken by name.
"""
RowInputs = EncodedRows | Sequences | NDArray[np.float32]
"""Network inputs of m rows, or of their windows: ids, sequences of vectors, or numbers (m, F)."""


def take_inputs(inputs: RowInputs, places: NDArray[np.int64]) -> RowInputs:
    """Return the rows at ``places``."""
    if isinstance(inputs, EncodedRows):
        return select(inputs, places)
    return inputs.take(places) if isinstance(inputs, Sequences) else inputs[places]


def vectors_of(inputs: RowInputs | None) -> NDArray[np.float32]:
    """Return the vectors (m, F) of rows of numbers: rows of a table, or positions of sequences."""
    values = inputs.values if isinstance(inputs, Sequences) else inputs
    assert isinstance(values, np.ndarray), "rows are numbers"
    return values.astype(np.float32, copy=False)


@dataclass(frozen=True)
class RowChunk:
    """Consecutive rows of a file: n rows, m of them usable.

    ``reasons`` has a text for each unusable row, None for usable ones. ``usable`` (m,) are the indices of usable
    rows, and ``inputs`` their network inputs, None after a chunk was sent between ranks. ``texts`` is None for
    rows of numbers. ``names`` has the identifiers of the rows, empty for rows that could not be parsed; None if
    no file has any. ``truncated`` maps indices of usable rows that were truncated to a sentence. ``written`` are
    the texts in the file, of which ``texts`` may be normal forms. ``copied`` has further columns of the file, by
    name. With ``windows``, ``inputs`` are those of the windows of the usable rows.
    """

    numbers: list[int]
    texts: list[str] | None
    reasons: list[str | None]
    usable: NDArray[np.int64]
    inputs: RowInputs | None = None
    names: list[str] | None = None
    truncated: dict[int, str] = field(default_factory=dict)
    written: list[str] | None = None
    copied: dict[str, list[str]] = field(default_factory=dict)
    windows: Windows | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def remarks(self) -> list[str | None]:
        """For each row the reason why it is unusable, or how a long row was read; None for the others."""
        long_rows = self.truncated | {row: f"read in {count:,} windows" for row, count in self.windowed.items()}
        return [reason or long_rows.get(index) for index, reason in enumerate(self.reasons)]

    @property
    def windowed(self) -> dict[int, int]:
        """The number of windows of each row that has several, by the row's index."""
        counts = [] if self.windows is None else self.windows.counts.tolist()
        return {row: count for row, count in zip(self.usable.tolist(), counts, strict=False) if count > 1}

    @property
    def usable_texts(self) -> list[str]:
        """Texts of the usable rows; empty for rows of numbers."""
        return [] if self.texts is None else [self.texts[index] for index in self.usable.tolist()]

    def shifted(self, rows: int) -> RowChunk:
        """Return the chunk with ``rows`` added to the row numbers."""
        return replace(self, numbers=[number + rows for number in self.numbers]) if rows else self

    def cut(self, size: int) -> Iterator[RowChunk]:
        """Yield the rows in chunks of at most ``size``."""
        for begin in range(0, len(self.numbers), size):
            part = slice(begin, begin + size)
            first, last = np.searchsorted(self.usable, (begin, begin + size)).tolist()
            places, windows = np.arange(first, last), None
            if self.windows is not None:
                places, windows = self.windows.of_rows(first, last)
            yield RowChunk(
                self.numbers[part],
                None if self.texts is None else self.texts[part],
                self.reasons[part],
                self.usable[first:last] - begin,
                None if self.inputs is None else take_inputs(self.inputs, places),
                None if self.names is None else self.names[part],
                {index - begin: text for index, text in self.truncated.items() if begin <= index < begin + size},
                None if self.written is None else self.written[part],
                {name: column[part] for name, column in self.copied.items()},
                windows,
            )


def value_chunk(
    numbers: NDArray[np.int64],
    values: NDArray[np.float32] | Sequences,
    rejected: Sequence[RejectedRow],
    copied: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> RowChunk:
    """Merge usable rows of numbers (m, F) or m sequences, with further columns, and rejected rows, by number."""
    reasons = {row.number: row.reason for row in rejected}
    merged = sorted([*numbers.tolist(), *reasons])
    usable = np.array([index for index, number in enumerate(merged) if number not in reasons], dtype=np.int64)
    cells = {row.number: row.fields for row in rejected if row.fields}
    cells |= dict(zip(numbers.tolist(), zip(*copied.values(), strict=True), strict=False))
    texts = [cells.get(number, ("",) * len(copied)) for number in merged]
    return RowChunk(
        merged,
        None,
        [reasons.get(number) for number in merged],
        usable,
        values,
        copied={name: [row[index] for row in texts] for index, name in enumerate(copied)},
    )
