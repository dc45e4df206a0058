"""The Arrow store: tokenized rows in one file, written in a stream, read as views into a memory map.

Format (Arrow IPC file, not compressed), version 1: columns ``ids`` (list of uint16, or uint32 for a
large vocabulary) and ``row`` (number of the row in its source); labelled stores also have ``text`` and
``targets`` (list of float32, NaN where a label is missing). The schema's metadata tell what made the
ids; an empty record batch at the end carries the statistics and shows that the file is whole.

Letters: n rows, T ids of all rows together, K targets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.data.tokenizers import Encoded
from sma_core.errors import DataError
from sma_core.files import replacing

FORMAT_VERSION = 1
ROWS_IN_BATCH = 16_384
IDS_IN_BATCH = 1 << 23
_KEY = b"sma.store"


@dataclass(frozen=True, kw_only=True)
class StoreMetadata:
    """What made the ids of a store: kept so that no run mixes stores of different tokenizers."""

    tokenizer: str
    tokenizer_version: str
    vocabulary_size: int
    source: str = ""
    """Fingerprint of the source file and of how it was prepared."""
    targets: tuple[str, ...] = ()
    """Names of the target columns, in the order of the values."""
    has_text: bool = False


@dataclass(frozen=True, kw_only=True)
class StoreStatistics:
    """Figures of a finished store."""

    rows: int
    ids: int
    longest: int


class StoreWriter:
    """Write a store row by row in bounded memory; the file gets its name only when it is whole.

    Use it as a context manager: leaving it normally finishes the file, an exception removes the
    temporary one.
    """

    def __init__(self, path: Path, metadata: StoreMetadata) -> None:
        self.path = path
        self.metadata = metadata
        self.rows = 0
        self.ids = 0
        self.longest = 0
        self._dtype = np.dtype(np.uint16 if metadata.vocabulary_size <= 1 << 16 else np.uint32)
        self._schema = _schema(metadata, self._dtype)
        self._replacing = replacing(path)
        self._clear()

    def __enter__(self) -> Self:
        temporary = self._replacing.__enter__()
        self._writer = pa.ipc.new_file(str(temporary), self._schema)
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401 - the protocol's three values
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
        encoded: Encoded,
        rows: NDArray[np.int64],
        texts: Sequence[str] | None = None,
        targets: NDArray[np.float32] | None = None,
    ) -> None:
        """Add rows: their ids, source row numbers (n,), raw texts and targets (n, K) where labelled."""
        if not len(encoded):
            return
        self._values.append(encoded.values.astype(self._dtype, copy=False))
        self._lengths.append(encoded.lengths)
        self._rows.append(rows)
        if self.metadata.has_text:
            self._texts.extend(texts or [])
        if self.metadata.targets:
            self._targets.append(np.asarray(targets, dtype=np.float32))
        self._held_rows += len(encoded)
        self._held_ids += len(encoded.values)
        self.rows += len(encoded)
        self.ids += len(encoded.values)
        self.longest = max(self.longest, int(encoded.lengths.max()))
        if self._held_rows >= ROWS_IN_BATCH or self._held_ids >= IDS_IN_BATCH:
            self._flush()

    def _clear(self) -> None:
        self._values: list[NDArray[Any]] = []
        self._lengths: list[NDArray[np.int64]] = []
        self._rows: list[NDArray[np.int64]] = []
        self._texts: list[str] = []
        self._targets: list[NDArray[np.float32]] = []
        self._held_rows = 0
        self._held_ids = 0

    def _flush(self) -> None:
        if not self._held_rows:
            return
        offsets = np.zeros(self._held_rows + 1, dtype=np.int32)
        np.cumsum(np.concatenate(self._lengths), out=offsets[1:])
        columns = [
            pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.concatenate(self._values))),
            pa.array(np.concatenate(self._rows)),
        ]
        if self.metadata.has_text:
            columns.append(pa.array(self._texts, type=pa.string()))
        if self.metadata.targets:
            table = np.concatenate(self._targets)
            bounds = np.arange(0, table.size + 1, table.shape[1], dtype=np.int32)
            columns.append(pa.ListArray.from_arrays(pa.array(bounds), pa.array(table.reshape(-1))))
        self._writer.write_batch(pa.record_batch(columns, schema=self._schema))
        self._clear()

    def _finish(self) -> None:
        self._flush()
        statistics = StoreStatistics(rows=self.rows, ids=self.ids, longest=self.longest)
        last = pa.record_batch([pa.array([], type=field.type) for field in self._schema], schema=self._schema)
        self._writer.write_batch(last, custom_metadata={_KEY: json.dumps(asdict(statistics))})


class Store:
    """A finished store, memory-mapped. Opening reads only the file's ends; workers get it by its path."""

    def __init__(self, path: Path, reader: Any, whole: NDArray[Any], base: int) -> None:  # noqa: ANN401
        self.path = path
        self._reader = reader
        self._whole = whole
        self._base = base
        self.metadata, self.statistics = _read_metadata(path, reader)
        self._batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]

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

    @cached_property
    def flat(self) -> NDArray[Any]:
        """The whole file seen as ids; ``starts`` says where each row's ids stand in it."""
        dtype = np.dtype(np.uint16 if self.metadata.vocabulary_size <= 1 << 16 else np.uint32)
        return self._whole[: len(self._whole) // dtype.itemsize * dtype.itemsize].view(dtype)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(n,) position in ``flat`` of each row's first id."""
        parts = []
        for batch in self._batches:
            values = batch.column(0).values
            first = (values.buffers()[1].address - self._base) // self.flat.itemsize + values.offset
            parts.append(_offsets(batch.column(0))[:-1].astype(np.int64) + first)
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        """(n,) number of ids in each row."""
        parts = [np.diff(_offsets(batch.column(0))) for batch in self._batches]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)

    @cached_property
    def row_numbers(self) -> NDArray[np.int64]:
        """(n,) number of each row in the source file."""
        parts = [batch.column(1).to_numpy(zero_copy_only=True) for batch in self._batches]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    @cached_property
    def targets(self) -> NDArray[np.float32] | None:
        """(n, K) targets with NaN where missing; None in a store without labels."""
        if not self.metadata.targets:
            return None
        parts = [batch.column("targets").flatten().to_numpy() for batch in self._batches]
        return np.concatenate(parts).reshape(-1, len(self.metadata.targets))

    @property
    def texts(self) -> list[str]:
        """Raw texts of all rows, read anew at each call; empty in a store without them."""
        if not self.metadata.has_text:
            return []
        return [text for batch in self._batches for text in batch.column("text").to_pylist()]

    def ids(self, index: int) -> NDArray[Any]:
        """View the ids of row ``index`` (n_i,) in the memory map, without copying."""
        start = self.starts[index]
        return self.flat[start : start + self.lengths[index]]

    def row_number(self, index: int) -> int:
        """Return the number of row ``index`` in the source file."""
        return int(self.row_numbers[index])

    def _check(self) -> None:
        if sum(batch.num_rows for batch in self._batches) != self.statistics.rows:
            raise ValueError("its number of rows is wrong")
        for batch in self._batches:
            offsets, values = _offsets(batch.column(0)), batch.column(0).values
            if len(offsets) and (
                offsets[0] < 0 or offsets[-1] > len(values) or bool((np.diff(offsets) < 0).any())
            ):
                raise ValueError("its rows do not follow one another")
            if values.buffers()[1] is not None and (
                (values.buffers()[1].address - self._base) % self.flat.itemsize
            ):
                raise ValueError("its ids are not aligned")


def _offsets(column: Any) -> NDArray[np.int32]:  # noqa: ANN401 - pyarrow has no types
    """Where each row of a list column begins, and where the last one ends (n + 1,)."""
    offsets: NDArray[np.int32] = column.offsets.to_numpy(zero_copy_only=True)
    return offsets


def _schema(metadata: StoreMetadata, dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
    columns = [("ids", pa.list_(pa.from_numpy_dtype(dtype))), ("row", pa.int64())]
    if metadata.has_text:
        columns.append(("text", pa.string()))
    if metadata.targets:
        columns.append(("targets", pa.list_(pa.float32())))
    head = {"format_version": FORMAT_VERSION, **asdict(metadata)}
    return pa.schema(columns, metadata={_KEY: json.dumps(head)})


def _read_metadata(path: Path, reader: Any) -> tuple[StoreMetadata, StoreStatistics]:  # noqa: ANN401
    packed = (reader.schema.metadata or {}).get(_KEY)
    if packed is None:
        raise DataError(f"{path} is an Arrow file, but not a store of this program; prepare the data again")
    head = json.loads(packed)
    version = head.pop("format_version")
    if version > FORMAT_VERSION:
        raise DataError(
            f"{path} has store format {version}, this program reads up to {FORMAT_VERSION}; "
            "update sma-core or prepare the data again"
        )
    _, closing = reader.get_batch_with_custom_metadata(reader.num_record_batches - 1)
    statistics = json.loads((closing or {})[_KEY])
    head["targets"] = tuple(head["targets"])
    return StoreMetadata(**head), StoreStatistics(**statistics)
