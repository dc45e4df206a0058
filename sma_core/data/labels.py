"""Parse label columns into arrays, in three forms: numbers, class names, or one symbol per character.

Rows without a usable label are rejected with the reason.

Letters: n rows, K targets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sma_core.data.records import MISSING, MISSING_CLASSES, RejectedRow, Row
from sma_core.data.store.format import SYMBOL_TYPE, LabelForm
from sma_core.data.tokenizers import EncodedRows
from sma_core.errors import DataError

NO_TARGET = "no target"
MOST_SYMBOLS = int(np.iinfo(SYMBOL_TYPE).max)
_WORDS = {"true": 1.0, "false": 0.0} | dict.fromkeys(MISSING, math.nan)
_WHOLE_NUMBER = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class ParsedLabels:
    """Rows with usable labels, and rejected rows.

    ``targets`` (n, K) are numbers or class numbers, NaN where missing. ``symbols`` has a number for every
    character of the rows, -1 where unknown; None for the other forms.
    """

    rows: list[Row]
    unusable: list[RejectedRow]
    targets: NDArray[np.float32]
    symbols: EncodedRows | None = None


class LabelParser(Protocol):
    """Parses the labels of rows, chunk by chunk."""

    @property
    def classes(self) -> Sequence[str]:
        """Class names seen so far, by number; empty when labels are numbers."""
        ...

    def read(self, rows: Sequence[Row]) -> ParsedLabels:
        """Parse the label fields of ``rows``."""
        ...


def build_label_parser(names: Sequence[str], form: LabelForm, masked: bool = False) -> LabelParser:
    """Return the parser of a label form; with ``masked``, symbols come with a mask column of 0 and 1."""
    if form == "classes":
        return ClassLabelParser(names[0])
    if form == "symbols":
        return SymbolLabelParser(masked)
    return NumberLabelParser(names)


class NumberLabelParser:
    """Parses numeric labels in K columns, the first K fields of a row."""

    classes: Sequence[str] = ()

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def read(self, rows: Sequence[Row]) -> ParsedLabels:
        """Parse each field as a number; ``true`` and ``false`` are 1 and 0.

        A row is rejected when a label is not a finite number or all labels are missing.
        """
        if not self._names:
            return ParsedLabels(list(rows), [], np.zeros((len(rows), 0), dtype=np.float32))
        table: list[list[float]] = []
        kept, unusable = [], []
        for row in rows:
            values = [to_number(field) for field in row.fields[: len(self._names)]]
            wrong = next((k for k, value in enumerate(values) if value is None or math.isinf(value)), None)
            if wrong is not None:
                reason = f"target is not a number: {self._names[wrong]} is {row.fields[wrong]!r}"
                unusable.append(RejectedRow(row.number, reason, row.text))
            elif all(value is None or math.isnan(value) for value in values):
                unusable.append(RejectedRow(row.number, NO_TARGET, row.text))
            else:
                table.append([value for value in values if value is not None])
                kept.append(row)
        targets = np.array(table, dtype=np.float32).reshape(len(kept), len(self._names))
        return ParsedLabels(kept, unusable, targets)


class ClassLabelParser:
    """Parses one class name per row: any text."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers: dict[str, int] = {}

    @property
    def classes(self) -> Sequence[str]:
        """Class names in order of first occurrence."""
        return list(self._numbers)

    def read(self, rows: Sequence[Row]) -> ParsedLabels:
        """Number the class names; rows without one are rejected."""
        kept, unusable, numbers = [], [], []
        for row in rows:
            name = row.fields[0]
            if name.lower() in MISSING_CLASSES:
                unusable.append(RejectedRow(row.number, NO_TARGET, row.text))
            else:
                kept.append(row)
                numbers.append(self.number(name))
        return ParsedLabels(kept, unusable, np.array(numbers, dtype=np.float32).reshape(len(kept), 1))

    def number(self, name: str) -> int:
        """Return the number of a class name, a new one at its first occurrence."""
        return self._numbers.setdefault(name, len(self._numbers))


class SymbolLabelParser:
    """Parses one symbol per character, with ``masked`` also a 0 or 1 that says whether the character counts."""

    def __init__(self, masked: bool) -> None:
        self._masked = masked
        self._numbers: dict[str, int] = {}

    @property
    def classes(self) -> Sequence[str]:
        """Symbols in order of first occurrence."""
        return list(self._numbers)

    def read(self, rows: Sequence[Row]) -> ParsedLabels:
        """Number the symbols; rows of another length, or without a position that counts, are rejected."""
        kept, unusable, parts = [], [], []
        for row in rows:
            reason = self._reason(row)
            if reason is not None:
                unusable.append(RejectedRow(row.number, reason, row.text))
            else:
                kept.append(row)
                parts.append(self._symbols(row))
        offsets = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        values = np.concatenate(parts) if parts else np.zeros(0, dtype=SYMBOL_TYPE)
        targets = np.zeros((len(kept), 0), dtype=np.float32)
        return ParsedLabels(kept, unusable, targets, EncodedRows(values, offsets))

    def _reason(self, row: Row) -> str | None:
        """Return why the labels of a row are unusable, or None."""
        length = len(row.text)
        if not row.fields[0]:
            return NO_TARGET
        if len(row.fields[0]) != length:
            return f"label of another length: {len(row.fields[0])} symbols for {length} characters"
        if self._masked:
            mask = row.fields[1]
            if len(mask) != length:
                return f"position mask of another length: {len(mask)} for {length} characters"
            if set(mask) - {"0", "1"}:
                return "position mask is not of 0 and 1"
            if "1" not in mask:
                return "no position counts"
        return None

    def _symbols(self, row: Row) -> NDArray[np.int16]:
        numbers = self._numbers
        symbols = [numbers.setdefault(symbol, len(numbers)) for symbol in row.fields[0]]
        if len(numbers) > MOST_SYMBOLS:
            raise DataError(
                f"labels have over {MOST_SYMBOLS:,} different symbols up to row {row.number:,}; check that the "
                "right column is named"
            )
        array = np.array(symbols, dtype=SYMBOL_TYPE)
        if self._masked:
            array[np.array([flag == "0" for flag in row.fields[1]])] = -1
        return array


def align_to_ids(symbols: EncodedRows, starts: NDArray[np.bool_], encoded: EncodedRows) -> EncodedRows:
    """Move labels of characters to the ids where the characters begin; all other ids get -1.

    ``starts`` is True for each id of ``encoded`` at which a character begins.
    """
    values = np.full(len(encoded.values), -1, dtype=SYMBOL_TYPE)
    values[starts] = symbols.values
    return EncodedRows(values, encoded.offsets)


def to_number(text: str) -> float | None:
    """Parse a label: NaN when it is missing, None when it is not a number."""
    word = _WORDS.get(text.lower())
    if word is not None:
        return word
    try:
        return float(text)
    except ValueError:
        return None


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct names sorted; in numeric order when all of them are whole numbers."""
    distinct = sorted(set(names))
    if all(_WHOLE_NUMBER.fullmatch(name) for name in distinct):
        distinct.sort(key=int)
    return tuple(distinct)
