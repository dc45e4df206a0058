"""Rows of numbers made ready for a store: missing values marked, labels read.

Letters: n rows, F features, K targets.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.label_text import MISSING, to_number
from sma_core.data.labels import NO_TARGET, ClassLabelParser
from sma_core.data.preparation.prepared import ValuesRequest
from sma_core.data.preparation.prepared_chunk import PreparedChunk
from sma_core.data.preparation.rejected import ROWS_BEFORE_EARLY_STOP
from sma_core.data.records import EMPTY, RejectedRow
from sma_core.data.scaling import without_sentinels
from sma_core.data.store.format import StoreMetadata
from sma_core.data.store.writer import StoreWriter
from sma_core.errors import DataError


@dataclass(frozen=True, slots=True)
class ValueRows:
    """Rows ready for a store: values (n, F), targets (n, K), and texts (n,) for each extra column."""

    numbers: NDArray[np.int64]
    values: NDArray[np.float32]
    targets: NDArray[np.float32]
    extras: tuple[NDArray[np.object_], ...] = ()

    def take(self, at: NDArray[np.int64]) -> ValueRows:
        """Return the rows at these indices."""
        extras = tuple(texts[at] for texts in self.extras)
        return ValueRows(self.numbers[at], self.values[at], self.targets[at], extras)

    def write(self, writer: StoreWriter) -> None:
        """Append the rows to a store."""
        extras = [texts.tolist() for texts in self.extras]
        writer.append_values(self.values, self.numbers, self.targets, extras)


def open_value_chunks(
    request: ValuesRequest, path: Path, fingerprint: str, skip: int = 0
) -> tuple[StoreMetadata, Generator[PreparedChunk, None, None]]:
    """Read up to the first block, which tells the features; give what describes the store, and the pieces.

    ``path`` is where the source of ``request`` can be read. ``skip`` leaves out the pieces of so many rows.
    Raises `DataError` when there is no usable row, or there are more features than the model reads.
    """
    if request.label_form == "symbols":
        raise DataError("labels of every position belong to rows of text; these rows are numbers")
    fields = (*request.targets, *request.extras)
    records = request.reader(path, request.columns, fields, names=request.names)
    before: list[RejectedRow] = []
    for record in records:
        if isinstance(record, RejectedRow):
            before.append(record)
            if len(before) >= ROWS_BEFORE_EARLY_STOP:
                break
            continue
        columns = record.names(request.columns)
        if len(columns) > request.max_length:
            raise DataError(
                f"{request.source} has rows of {len(columns)} numbers, but model.max_length is "
                f"{request.max_length}: raise model.max_length, or name fewer columns with data.columns"
            )
        metadata = StoreMetadata(
            source=fingerprint,
            targets=request.targets,
            columns=columns,
            label_form=request.label_form,
            extras=request.extras,
        )
        return metadata, _after(_pieces(request, chain(before, [record], records)), skip)
    raise _nothing(request, before)


def _after(pieces: Generator[PreparedChunk, None, None], skip: int) -> Generator[PreparedChunk, None, None]:
    """Leave out the first ``skip`` rows, which a former reading of the same file ended a piece with."""
    passed = 0
    for piece in pieces:
        if passed >= skip:
            yield piece
        passed += piece.count


def _nothing(request: ValuesRequest, rejected: list[RejectedRow]) -> DataError:
    if not rejected:
        return DataError(f"{request.source} holds no rows; give a file with at least one")
    first = rejected[0]
    return DataError(
        f"none of the first {len(rejected):,} rows of {request.source} can be used; the first is row "
        f"{first.number:,} ({first.reason}); check the header, and name the features with data.columns"
    )


def _pieces(
    request: ValuesRequest, records: Iterator[Block | RejectedRow]
) -> Generator[PreparedChunk, None, None]:
    """Yield a piece for each block, and one for rows set aside after the last."""
    labels = BlockLabelParser(request.targets, request.label_form == "classes")
    aside: list[RejectedRow] = []
    nothing: ValueRows | None = None
    for record in records:
        if isinstance(record, RejectedRow):
            aside.append(record)
            continue
        ready, unusable = _ready(record, request, labels)
        rejected = sorted([*aside, *unusable], key=lambda row: row.number)
        yield PreparedChunk(len(record) + len(aside), ready, rejected, classes=labels.classes)
        aside, nothing = [], ready.take(np.zeros(0, dtype=np.int64))
    if aside and nothing is not None:
        yield PreparedChunk(len(aside), nothing, aside, classes=labels.classes)


def _ready(block: Block, request: ValuesRequest, labels: BlockLabelParser) -> tuple[ValueRows, list[RejectedRow]]:
    """Mark missing values, read the labels, and set aside rows that hold no value or no label."""
    values = without_sentinels(block.values, request.sentinels)
    count = len(request.targets)
    targets, reasons = labels.read(block.fields[:count], len(block))
    for at in np.flatnonzero(np.isnan(values).all(axis=1)).tolist():
        reasons[at] = EMPTY
    ready = ValueRows(block.numbers, values, targets, tuple(map(_texts, block.fields[count:])))
    if not reasons:
        return ready, []
    kept = np.ones(len(block), dtype=np.bool_)
    kept[list(reasons)] = False
    unusable = [RejectedRow(int(block.numbers[at]), reason) for at, reason in reasons.items()]
    return ready.take(np.flatnonzero(kept)), unusable


def _texts(field: NDArray[Any]) -> NDArray[np.object_]:
    """Give a further column as texts (n,), empty where missing."""
    distinct, inverse = np.unique(field, return_inverse=True)
    names = [class_name(value) for value in distinct.tolist()]
    return np.array(["" if name.lower() in MISSING else name for name in names], dtype=object)[inverse]


class BlockLabelParser:
    """Reads labels that come as arrays: numbers in K columns, or the class names of one column."""

    def __init__(self, names: Sequence[str], are_classes: bool) -> None:
        self._names = names
        self._classes = ClassLabelParser(names[0]) if are_classes else None

    @property
    def classes(self) -> Sequence[str]:
        """Class names in the order in which they were met."""
        return self._classes.classes if self._classes else ()

    def read(self, fields: Sequence[NDArray[Any]], rows: int) -> tuple[NDArray[np.float32], dict[int, str]]:
        """Give targets (n, K), and the reason for each row that has no usable label."""
        if not self._names:
            return np.zeros((rows, 0), dtype=np.float32), {}
        reasons: dict[int, str] = {}
        if self._classes is not None:
            targets = self._numbered(fields[0], self._classes)[:, None]
        else:
            columns = [self._column(name, f, reasons) for name, f in zip(self._names, fields, strict=True)]
            targets = np.stack(columns, axis=1)
        for at in np.flatnonzero(np.isnan(targets).all(axis=1)).tolist():
            reasons.setdefault(at, NO_TARGET)
        return targets, reasons

    def _column(self, name: str, field: NDArray[Any], reasons: dict[int, str]) -> NDArray[np.float32]:
        """Give one column as numbers (n,)."""
        if field.dtype == np.float32:
            found = field
            for at in np.flatnonzero(np.isinf(field)).tolist():
                reasons[at] = f"target is not a number: {name} is {field[at]}"
            return found
        numbers = [to_number(text) for text in field.tolist()]
        for at, number in enumerate(numbers):
            if number is None or math.isinf(number):
                reasons[at] = f"target is not a number: {name} is {field[at]!r}"
        return np.array([math.nan if number is None else number for number in numbers], dtype=np.float32)

    def _numbered(self, field: NDArray[Any], classes: ClassLabelParser) -> NDArray[np.float32]:
        """Give the class number of each name (n,), NaN where missing."""
        distinct, inverse = np.unique(field, return_inverse=True)
        found = [class_name(value) for value in distinct.tolist()]
        numbers = [math.nan if name.lower() in MISSING else classes.number(name) for name in found]
        return np.array(numbers, dtype=np.float32)[inverse]


def class_name(value: float | str) -> str:
    """Return the name of a class: a whole number without a decimal point, any text as it is."""
    if isinstance(value, str):
        return value
    return str(int(value)) if math.isfinite(value) and value == int(value) else f"{value:.9g}"
