"""Prepare rows of numbers: mark missing values and parse labels.

Letters: n rows, F features, K targets.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data import plugin_code
from sma_core.data.blocks import Block
from sma_core.data.labels import ClassLabelParser, limit_of, named_number, no_label, not_a_number, to_number
from sma_core.data.preparation.prepared import ValuesRequest
from sma_core.data.preparation.prepared_chunk import PreparedChunk, StorableRows
from sma_core.data.preparation.rejected import ROWS_BEFORE_EARLY_STOP
from sma_core.data.readers.features import check_grid, feature_names
from sma_core.data.readers.other_columns import class_name, column_texts
from sma_core.data.records import EMPTY, MISSING_CLASSES, RejectedRow
from sma_core.data.scaling import without_sentinels
from sma_core.data.sequences import Sequences
from sma_core.data.store.format import LabelForm, StoreMetadata, ValueType
from sma_core.data.store.writer import StoreWriter
from sma_core.data.windows import check_overlap, split_sequences
from sma_core.errors import DataError
from sma_core.printable import counted


@dataclass(frozen=True, slots=True)
class ValueRows:
    """Rows ready for a store: values (n, F) or sequences, targets (n, K), and texts (n,) per extra column."""

    numbers: NDArray[np.int64]
    values: NDArray[np.float32] | Sequences
    targets: NDArray[np.float64]
    extras: tuple[NDArray[np.object_], ...] = ()

    def take(self, indices: NDArray[np.int64]) -> ValueRows:
        """Return the rows at ``indices``."""
        extras = tuple(texts[indices] for texts in self.extras)
        values = self.values.take(indices) if isinstance(self.values, Sequences) else self.values[indices]
        return ValueRows(self.numbers[indices], values, self.targets[indices], extras)

    def split(self, max_length: int, overlap: int) -> ValueRows:
        """Split long sequences into windows, each a row with the number of its whole; windows have a value."""
        assert isinstance(self.values, Sequences), "rows of a table are never split"
        parts, windows = split_sequences(self.values, max_length, overlap)
        kept = np.flatnonzero(~parts.without_values())
        return replace(self.take(windows.rows[kept]), values=parts.take(kept))

    def write(self, writer: StoreWriter) -> None:
        """Append the rows to a store."""
        extras = [texts.tolist() for texts in self.extras]
        if isinstance(self.values, Sequences):
            writer.append_sequences(self.values, self.numbers, self.targets, extras)
        else:
            writer.append_values(self.values, self.numbers, self.targets, extras)


def open_value_chunks(
    request: ValuesRequest, path: Path, fingerprint: str, skip: int = 0
) -> tuple[StoreMetadata, Generator[PreparedChunk, None, None]]:
    """Read the first block, which defines the features; return the store's metadata and the chunks.

    ``path`` is the local copy of the source; the chunks of its first ``skip`` rows are left out. Raises
    `DataError` when there is no usable row, or more features than ``max_length``.
    """
    if request.label_form == "symbols":
        raise DataError("labels of every position need rows of text; these rows are numbers")
    fields = (*request.targets, *request.extras)
    chosen = (request.columns, fields, request.exclude)
    records = plugin_code.read_blocks(request.reader, path, *chosen, names=request.names, **request.options)
    before: list[RejectedRow] = []
    for record in records:
        if isinstance(record, RejectedRow):
            before.append(record)
            if len(before) >= ROWS_BEFORE_EARLY_STOP:
                break
            continue
        columns = feature_names(record, request.columns, request.features, str(request.source))
        sequences = record.offsets is not None
        if len(columns) > request.max_length and not sequences:
            raise DataError(
                f"{request.source} has rows of {counted(len(columns), 'number')}, but model.max_length is "
                f"{request.max_length}: raise model.max_length, or name fewer columns with data.columns"
            )
        if request.window_overlap is not None and not sequences:
            raise DataError("rows of a table are never longer than the model reads: omit data.window_overlap")
        if request.window_overlap is not None:
            check_overlap(request.window_overlap, request.max_length, separators=0)
        metadata = StoreMetadata(
            source=fingerprint,
            targets=request.targets,
            columns=columns,
            label_form=request.label_form,
            extras=request.extras,
            sequences=sequences,
            value_type=stored_type(record, request.sentinels),
        )
        chunks = _chunks(request, metadata.value_type, chain(before, [record], records))
        return metadata, _skip_rows(chunks, skip)
    raise _no_usable_row(request, before)


def _skip_rows(chunks: Generator[PreparedChunk, None, None], skip: int) -> Generator[PreparedChunk, None, None]:
    """Skip the chunks of the first ``skip`` rows, which an interrupted preparation already stored."""
    passed = 0
    for chunk in chunks:
        if passed >= skip:
            yield chunk
        passed += chunk.count


def _no_usable_row(request: ValuesRequest, rejected: list[RejectedRow]) -> DataError:
    if not rejected:
        return DataError(f"{request.source} holds no rows; give a file with at least one")
    first = rejected[0]
    return DataError(
        f"none of the first {counted(len(rejected), 'row')} of {request.source} can be used; the first is row "
        f"{first.number:,} ({first.reason}); check the header, leave out columns that are not features with "
        "data.exclude, or name the features with data.columns"
    )


def stored_type(block: Block, sentinels: Sequence[float]) -> ValueType:
    """Return the type in which the values of a block are stored: float32, or that of sequences if it holds NaN.

    Values of uint8 hold all of theirs if none of the sentinels, which become NaN, is among their 256 numbers.
    """
    if block.offsets is None or block.values.dtype == np.float32:
        return "float32"
    if block.values.dtype == np.float16:
        return "float16"
    integers = block.values.dtype == np.uint8 and not any(number in range(256) for number in sentinels)
    return "uint8" if integers else "float32"


def _chunks(
    request: ValuesRequest, value_type: ValueType, records: Iterator[Block | RejectedRow]
) -> Generator[PreparedChunk, None, None]:
    """Yield one chunk per block, and one for rejected rows after the last block."""
    labels = BlockLabelParser(request.targets, request.label_form, request.label_values)
    pending: list[RejectedRow] = []
    empty: StorableRows | None = None
    for record in records:
        if isinstance(record, RejectedRow):
            pending.append(record)
            continue
        check_grid(record.grid, request.grid, str(request.source))
        own = stored_type(record, request.sentinels)
        if value_type not in ("float32", own):
            raise DataError(
                f"{request.source} has values of type {own} from row {record.numbers[0]:,} on, but {value_type} "
                "before: the reader must give one type"
            )
        record = replace(record, values=record.values.astype(value_type, copy=False))
        part = _prepare_block(record, request, labels)
        rejected = sorted([*pending, *part.rejected], key=lambda row: row.number)
        yield replace(part, count=part.count + len(pending), rejected=rejected)
        pending, empty = [], part.ready.take(np.zeros(0, dtype=np.int64))
    if pending and empty is not None:
        yield PreparedChunk(len(pending), empty, pending, classes=labels.classes)


def _prepare_block(block: Block, request: ValuesRequest, labels: BlockLabelParser) -> PreparedChunk:
    """Mark missing values, parse labels, reject rows without a value or label, and shorten or split long ones."""
    block = replace(block, values=without_sentinels(block.values, request.sentinels))
    count = len(request.targets)
    extras = block.fields[count : count + len(request.extras)]
    targets, reasons = labels.read(block.fields[:count], block.numbers)
    for index in np.flatnonzero(block.empty).tolist():
        reasons[index] = EMPTY
    values: NDArray[Any] | Sequences = block.values
    too_long = np.zeros(0, dtype=np.int64)
    if block.offsets is not None:
        lengths, longest = block.sequences.lengths, request.max_length
        values, too_long = block.sequences, np.flatnonzero(lengths > longest)
        if not request.truncate and request.window_overlap is None:
            reasons |= {index: f"too long: {lengths[index]} > {longest}" for index in too_long.tolist()}
    long_rows = len(np.setdiff1d(too_long, list(reasons)))
    ready = ValueRows(block.numbers, values, targets, tuple(map(column_texts, extras)))
    if reasons:
        ready = ready.take(np.setdiff1d(np.arange(len(block)), list(reasons)))
    unusable = [RejectedRow(int(block.numbers[index]), reason) for index, reason in reasons.items()]
    chunk = PreparedChunk(len(block), ready, unusable, 0, labels.classes)
    if not isinstance(ready.values, Sequences) or not long_rows:
        return chunk
    if request.window_overlap is None:
        shortened = replace(ready, values=ready.values.shortened(request.max_length))
        return replace(chunk, ready=shortened, shortened=long_rows)
    parts = ready.split(request.max_length, request.window_overlap)
    windows = len(parts.numbers) - len(ready.numbers) + long_rows
    return replace(chunk, ready=parts, windowed=long_rows, windows=windows)


class BlockLabelParser:
    """Parses labels given as arrays: K columns of numbers or of two names ``values``, or one of class names.

    Labels of the form ``censored`` may be limits, which are NaN but not missing.
    """

    def __init__(self, names: Sequence[str], form: LabelForm, values: Sequence[str] = ()) -> None:
        self._names = names
        self._values = values
        self._censored = form == "censored"
        self._classes = ClassLabelParser(names[0]) if form == "classes" else None

    @property
    def classes(self) -> Sequence[str]:
        """Class names in order of first occurrence."""
        return self._classes.classes if self._classes else ()

    def read(
        self, fields: Sequence[NDArray[Any]], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], dict[int, str]]:
        """Return targets (n, K) of the rows (n,), and row index -> reason for rows without a usable label."""
        if not self._names:
            return np.zeros((len(rows), 0), dtype=np.float64), {}
        reasons: dict[int, str] = {}
        if self._classes is not None:
            targets = self._numbered(fields[0], self._classes)[:, None]
        else:
            columns = [
                self._named(f, rows) if self._values else self._column(name, f, reasons)
                for name, f in zip(self._names, fields, strict=True)
            ]
            targets = np.stack(columns, axis=1)
        for index in np.flatnonzero(np.isnan(targets).all(axis=1)).tolist():
            if not any(self._is_limit(field[index]) for field in fields):
                reasons.setdefault(index, no_label(self._names))
        return targets, reasons

    def _is_limit(self, label: object) -> bool:
        return self._censored and limit_of(str(label)) is not None

    def _named(self, field: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return 0, 1 or NaN for the names of a label column (n,)."""
        distinct, first, inverse = np.unique(field, return_index=True, return_inverse=True)
        names = zip(distinct.tolist(), rows[first].tolist(), strict=True)
        numbers = [named_number(class_name(value), self._values, row) for value, row in names]
        return np.array(numbers, dtype=np.float64)[inverse]

    def _column(self, name: str, field: NDArray[Any], reasons: dict[int, str]) -> NDArray[np.float64]:
        """Parse one label column into numbers (n,)."""
        if field.dtype.kind == "f":
            for index in np.flatnonzero(np.isinf(field)).tolist():
                reasons[index] = f"target is not a number: {name} is {field[index]}"
            return field.astype(np.float64, copy=False)
        numbers = [math.nan if self._is_limit(text) else to_number(text) for text in field.tolist()]
        for index, number in enumerate(numbers):
            if number is None or math.isinf(number):
                reasons[index] = not_a_number(name, field[index])
        return np.array([math.nan if number is None else number for number in numbers], dtype=np.float64)

    def _numbered(self, field: NDArray[Any], classes: ClassLabelParser) -> NDArray[np.float64]:
        """Return the class number of each name (n,), NaN where missing."""
        distinct, inverse = np.unique(field, return_inverse=True)
        names = [class_name(value) for value in distinct.tolist()]
        numbers = [math.nan if name.lower() in MISSING_CLASSES else classes.number(name) for name in names]
        return np.array(numbers, dtype=np.float64)[inverse]
