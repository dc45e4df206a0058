"""Write a store file in bounded memory; it gets its name when it is complete.

Letters: n rows, F features, K targets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.data.sequences import Sequences
from sma_core.data.store.format import COUNT_TYPE, KEY, SYMBOL_TYPE, StoreMetadata, StoreStatistics
from sma_core.data.tokenizers import EncodedRows
from sma_core.files import replacing

ROWS_IN_BATCH = 16_384
IDS_IN_BATCH = 1 << 23


class StoreWriter:
    """Context manager that completes the file on normal exit and removes it after an exception.

    Set ``classes``, the names by number, before the exit when labels are classes or symbols.
    """

    def __init__(self, path: Path, metadata: StoreMetadata) -> None:
        self.path = path
        self.metadata = metadata
        self.rows = 0
        self.ids = 0
        self.longest = 0
        self.classes: Sequence[str] = ()
        self._schema = metadata.schema()
        self._replacing = replacing(path)
        self._clear()

    def __enter__(self) -> Self:
        temporary = self._replacing.__enter__()
        self._writer = pa.ipc.new_file(str(temporary), self._schema)
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401 - exception type, value, traceback
        try:
            if error[0] is None:
                self._finish()
        except BaseException as failure:
            self._writer.close()
            self._replacing.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._writer.close()
        self._replacing.__exit__(*error)

    def append(
        self,
        encoded: EncodedRows,
        rows: NDArray[np.int64],
        texts: Sequence[str] | None = None,
        targets: NDArray[np.float64] | None = None,
        symbols: EncodedRows | None = None,
        extras: Sequence[Sequence[str]] = (),
        characters: EncodedRows | None = None,
    ) -> None:
        """Append rows: ids, source row numbers (n,), and, when labelled, raw texts and labels.

        Labels are targets (n, K), or one symbol per id; or one per character, with the number of ``characters`` of
        each id. ``extras`` has n texts per extra column.
        """
        if not len(encoded):
            return
        if self.metadata.has_text:
            self._texts.extend(texts or [])
        if self.metadata.has_symbols and symbols is not None:
            self._symbols.append(symbols.values.astype(SYMBOL_TYPE, copy=False))
            self._symbol_counts.append(symbols.lengths)
        if self.metadata.by_character and characters is not None:
            self._characters.append(characters.values.astype(COUNT_TYPE, copy=False))
        self._lengths.append(encoded.lengths)
        self.longest = max(self.longest, int(encoded.lengths.max()))
        self._buffer(encoded.values, rows, targets, extras)

    def append_values(
        self,
        values: NDArray[np.float32],
        rows: NDArray[np.int64],
        targets: NDArray[np.float64] | None = None,
        extras: Sequence[Sequence[str]] = (),
    ) -> None:
        """Append values (n, F), source row numbers (n,), targets (n, K) when labelled, and extras."""
        if not len(values):
            return
        self.longest = values.shape[1]
        self._buffer(values.reshape(-1), rows, targets, extras)

    def append_sequences(
        self,
        sequences: Sequences,
        rows: NDArray[np.int64],
        targets: NDArray[np.float64] | None = None,
        extras: Sequence[Sequence[str]] = (),
    ) -> None:
        """Append n sequences, source row numbers (n,), targets (n, K) when labelled, and extras."""
        if not len(sequences):
            return
        self._lengths.append(sequences.lengths)
        self.longest = max(self.longest, int(sequences.lengths.max()))
        self._buffer(sequences.values.reshape(-1), rows, targets, extras)

    def _buffer(
        self,
        flat: NDArray[Any],
        rows: NDArray[np.int64],
        targets: NDArray[np.float64] | None,
        extras: Sequence[Sequence[str]],
    ) -> None:
        """Buffer rows until they fill a record batch."""
        self._values.append(flat.astype(self.metadata.row_type, copy=False))
        self._rows.append(rows)
        if self.metadata.targets and not self.metadata.has_symbols:
            self._targets.append(np.asarray(targets, dtype=np.float64))
        for column, texts in zip(self._extras, extras, strict=True):
            column.extend(texts)
        self._buffered_rows += len(rows)
        self._buffered_ids += len(flat)
        self.rows += len(rows)
        self.ids += len(flat)
        if self._buffered_rows >= ROWS_IN_BATCH or self._buffered_ids >= IDS_IN_BATCH:
            self._flush()

    def _clear(self) -> None:
        self._values: list[NDArray[Any]] = []
        self._lengths: list[NDArray[np.int64]] = []
        self._rows: list[NDArray[np.int64]] = []
        self._texts: list[str] = []
        self._extras: list[list[str]] = [[] for _ in self.metadata.extras]
        self._targets: list[NDArray[np.float64]] = []
        self._symbols: list[NDArray[np.int16]] = []
        self._symbol_counts: list[NDArray[np.int64]] = []
        self._characters: list[NDArray[np.int32]] = []
        self._buffered_rows = 0
        self._buffered_ids = 0

    def _flush(self) -> None:
        if not self._buffered_rows:
            return
        values = np.concatenate(self._values)
        rows = pa.array(values)
        if self.metadata.holds_values:
            rows = pa.FixedSizeListArray.from_arrays(rows, len(self.metadata.columns))
        columns = [
            rows if self.metadata.holds_values and not self.metadata.sequences else _lists(rows, self._lengths)
        ]
        columns.append(pa.array(np.concatenate(self._rows)))
        if self.metadata.has_text:
            columns.append(pa.array(self._texts, type=pa.string()))
        columns.extend(pa.array(texts, type=pa.string()) for texts in self._extras)
        if self.metadata.has_symbols:
            columns.append(_lists(pa.array(np.concatenate(self._symbols)), self._symbol_counts))
            if self.metadata.by_character:
                columns.append(_lists(pa.array(np.concatenate(self._characters)), self._lengths))
        elif self.metadata.targets:
            table = np.concatenate(self._targets)
            bounds = np.arange(0, table.size + 1, table.shape[1], dtype=np.int32)
            columns.append(pa.ListArray.from_arrays(pa.array(bounds), pa.array(table.reshape(-1))))
        self._writer.write_batch(pa.record_batch(columns, schema=self._schema))
        self._clear()

    def _finish(self) -> None:
        self._flush()
        statistics = StoreStatistics(
            rows=self.rows, ids=self.ids, longest=self.longest, classes=tuple(self.classes)
        )
        last = pa.record_batch([pa.array([], type=field.type) for field in self._schema], schema=self._schema)
        self._writer.write_batch(last, custom_metadata={KEY: json.dumps(asdict(statistics))})


def _lists(values: Any, lengths: list[NDArray[np.int64]]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return buffered values as a list column; ``lengths`` has arrays of the lengths of its lists."""
    joined = np.concatenate(lengths)
    offsets = np.zeros(len(joined) + 1, dtype=np.int32)
    np.cumsum(joined, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), values)
