"""LabelParser of rows of text, in the three forms they come in: numbers, class names, a symbol a character.

An empty cell, ``NA`` and ``NaN`` are missing values. Every form gives the rows it can use, and sets
the others aside with the reason.

Letters: n rows, K targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sma_core.data.label_text import MISSING, parse_targets
from sma_core.data.records import RejectedRow, Row
from sma_core.data.store.format import SYMBOL_TYPE, LabelForm
from sma_core.data.tokenizers import EncodedRows
from sma_core.errors import DataError

NO_TARGET = "no target"
MOST_SYMBOLS = int(np.iinfo(SYMBOL_TYPE).max)


@dataclass(frozen=True)
class ParsedLabels:
    """Rows with usable labels, and those set aside.

    ``targets`` (n, K) numbers or class numbers, NaN where missing; ``symbols`` a number for every character
    of the rows, -1 where nothing is known, or None when labels are of another form.
    """

    rows: list[Row]
    unusable: list[RejectedRow]
    targets: NDArray[np.float32]
    symbols: EncodedRows | None = None


class LabelParser(Protocol):
    """Reads the labels of rows, chunk after chunk."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes met so far, by number; empty when labels are numbers."""
        ...

    def read(self, rows: Sequence[Row]) -> ParsedLabels:
        """Turn the rows' fields into labels."""
        ...


def build_label_parser(names: Sequence[str], form: LabelForm, masked: bool = False) -> LabelParser:
    """Return what reads labels of a form; ``masked`` tells that each symbol comes with a 0 or 1."""
    if form == "classes":
        return ClassLabelParser(names[0])
    if form == "symbols":
        return SymbolLabelParser(masked)
    return NumberLabelParser(names)


class NumberLabelParser:
    """LabelParser that are numbers, in K columns."""

    classes: Sequence[str] = ()

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def read(self, rows: Sequence[Row]) -> ParsedLabels:
        """Read each field as a number; a row without any is set aside."""
        targets, kept, unusable = parse_targets(rows, self._names)
        return ParsedLabels(kept, unusable, targets)


class ClassLabelParser:
    """One class name a row: any text."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers: dict[str, int] = {}

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes in the order in which they were met."""
        return list(self._numbers)

    def read(self, rows: Sequence[Row]) -> ParsedLabels:
        """Number the names; a row without one is set aside."""
        kept, unusable, found = [], [], []
        for row in rows:
            name = row.fields[0]
            if name.lower() in MISSING:
                unusable.append(RejectedRow(row.number, NO_TARGET, row.text))
            else:
                kept.append(row)
                found.append(self.number(name))
        return ParsedLabels(kept, unusable, np.array(found, dtype=np.float32).reshape(len(kept), 1))

    def number(self, name: str) -> int:
        """Return the number that stands for a class name."""
        return self._numbers.setdefault(name, len(self._numbers))


class SymbolLabelParser:
    """A symbol for every character of the row, and perhaps a 0 or 1 that tells whether it counts."""

    def __init__(self, masked: bool) -> None:
        self._masked = masked
        self._numbers: dict[str, int] = {}

    @property
    def classes(self) -> Sequence[str]:
        """The symbols in the order in which they were met."""
        return list(self._numbers)

    def read(self, rows: Sequence[Row]) -> ParsedLabels:
        """Number the symbols; a row with too few, too many or none that counts is set aside."""
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
        return ParsedLabels(
            kept, unusable, np.zeros((len(kept), 0), dtype=np.float32), EncodedRows(values, offsets)
        )

    def _reason(self, row: Row) -> str | None:
        due = len(row.text)
        if not row.fields[0]:
            return NO_TARGET
        if len(row.fields[0]) != due:
            return f"label of another length: {len(row.fields[0])} symbols for {due} characters"
        if self._masked:
            mask = row.fields[1]
            if len(mask) != due:
                return f"position mask of another length: {len(mask)} for {due} characters"
            if set(mask) - {"0", "1"}:
                return "position mask is not of 0 and 1"
            if "1" not in mask:
                return "no position counts"
        return None

    def _symbols(self, row: Row) -> NDArray[np.int16]:
        numbers = self._numbers
        each = [numbers.setdefault(symbol, len(numbers)) for symbol in row.fields[0]]
        if len(numbers) > MOST_SYMBOLS:
            raise DataError(
                f"labels have over {MOST_SYMBOLS:,} different symbols up to row {row.number:,}; check that the "
                "right column is named"
            )
        found = np.array(each, dtype=SYMBOL_TYPE)
        if self._masked:
            found[np.array([flag == "0" for flag in row.fields[1]])] = -1
        return found


def align_to_ids(symbols: EncodedRows, starts: NDArray[np.bool_], encoded: EncodedRows) -> EncodedRows:
    """Move numbers of characters to the ids where the characters begin; -1 stands at all other ids.

    ``starts`` tells for each id of ``encoded`` whether a character begins there.
    """
    values = np.full(len(encoded.values), -1, dtype=SYMBOL_TYPE)
    values[starts] = symbols.values
    return EncodedRows(values, encoded.offsets)
