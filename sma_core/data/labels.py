"""Parse label columns into arrays: numbers, numbers with limits, class names, or one symbol per character.

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
UNKNOWN_SYMBOL = "?"
"""Symbol of a position without a label."""
MOST_SYMBOLS = int(np.iinfo(SYMBOL_TYPE).max)
_WORDS = {"true": 1.0, "false": 0.0} | dict.fromkeys(MISSING, math.nan)
_LIMIT = re.compile(r"(?P<side>[<>]=?|[≤≥])\s*(?P<number>[^<>=≤≥\s]+)")
_WHOLE_NUMBER = re.compile(r"[+-]?\d+")


def no_label(names: Sequence[str]) -> str:
    """Return the reason of a row without any label; ``names`` are the targets."""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
    return f"{NO_TARGET}: {shown} {'is' if len(names) == 1 else 'are'} missing"


@dataclass(frozen=True)
class ParsedLabels:
    """Rows with usable labels, and rejected rows.

    ``targets`` (n, K) are numbers or class numbers, NaN where missing. ``symbols`` has a number for every
    character of the rows, -1 where unknown; None for the other forms.
    """

    rows: list[Row]
    unusable: list[RejectedRow]
    targets: NDArray[np.float64]
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


def build_label_parser(
    names: Sequence[str], form: LabelForm, masked: bool = False, values: Sequence[str] = ()
) -> LabelParser:
    """Return the parser of a label form.

    With ``masked``, symbols come with a mask column of 0 and 1. ``values`` are the names that mean 0 and 1.
    """
    if form == "classes":
        return ClassLabelParser(names[0])
    if form == "symbols":
        return SymbolLabelParser(masked)
    return NumberLabelParser(names, values, censored=form == "censored")


class NumberLabelParser:
    """Parses numeric labels in K columns, the first K fields of a row; or two names, ``values``, as 0 and 1.

    With ``censored``, a label may be a limit, such as ``<5.2``, which is NaN but not missing.
    """

    classes: Sequence[str] = ()

    def __init__(self, names: Sequence[str], values: Sequence[str] = (), censored: bool = False) -> None:
        self._names = names
        self._values = values
        self._censored = censored

    def read(self, rows: Sequence[Row]) -> ParsedLabels:
        """Parse each field as a number; ``true`` and ``false`` are 1 and 0.

        A row is rejected when a label is not a finite number or all labels are missing.
        """
        if not self._names:
            return ParsedLabels(list(rows), [], np.zeros((len(rows), 0), dtype=np.float64))
        table: list[list[float]] = []
        kept, unusable = [], []
        for row in rows:
            fields = row.fields[: len(self._names)]
            limits = [self._censored and limit_of(field) is not None for field in fields]
            values = [
                math.nan if limit else named_number(field, self._values, row.number)
                for field, limit in zip(fields, limits, strict=True)
            ]
            wrong = next((k for k, value in enumerate(values) if value is None or math.isinf(value)), None)
            if wrong is not None:
                reason = not_a_number(self._names[wrong], row.fields[wrong])
                unusable.append(RejectedRow(row.number, reason, row.text))
            elif not any(limits) and all(value is None or math.isnan(value) for value in values):
                unusable.append(RejectedRow(row.number, no_label(self._names), row.text))
            else:
                table.append([value for value in values if value is not None])
                kept.append(row)
        targets = np.array(table, dtype=np.float64).reshape(len(kept), len(self._names))
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
                unusable.append(RejectedRow(row.number, no_label([self._name]), row.text))
            else:
                kept.append(row)
                numbers.append(self.number(name))
        return ParsedLabels(kept, unusable, np.array(numbers, dtype=np.float64).reshape(len(kept), 1))

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
        targets = np.zeros((len(kept), 0), dtype=np.float64)
        return ParsedLabels(kept, unusable, targets, EncodedRows(values, offsets))

    def _reason(self, row: Row) -> str | None:
        """Return why the labels of a row are unusable, or None."""
        length = len(row.text)
        label = row.fields[0]
        if (label.lower() in MISSING_CLASSES and len(label) != length) or not set(label) - {UNKNOWN_SYMBOL}:
            return NO_TARGET
        if len(symbols_of(row)) != length:
            if len(_words(label)) == length:
                return "labels of positions are symbols of one character each, not words"
            return f"label of another length: {len(symbols_of(row))} symbols for {length} characters"
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
        symbols = [
            -1 if symbol == UNKNOWN_SYMBOL else numbers.setdefault(symbol, len(numbers))
            for symbol in symbols_of(row)
        ]
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


def symbols_of(row: Row) -> str:
    """Return the symbols of the positions of a row.

    They are the characters of the label, or, if as many words as the row has characters are separated by commas or
    spaces, those words; a missing one is `UNKNOWN_SYMBOL`. Words of several characters are not symbols.
    """
    label = row.fields[0]
    if len(label) <= len(row.text):
        return label
    words = _words(label)
    symbols = [UNKNOWN_SYMBOL if word.lower() in MISSING_CLASSES else word for word in words]
    one_each = len(words) == len(row.text) and all(len(symbol) == 1 for symbol in symbols)
    return "".join(symbols) if one_each else label


def _words(label: str) -> list[str]:
    """Return the words of a label between commas or spaces."""
    return label.strip("[]()").replace(",", " ").split()


def label_name(text: str) -> str:
    """Return a label as the name of a class: numbers without sign and point where they need none (``+1.0``: 1)."""
    number = to_number(text) if text.lower() not in ("true", "false") else None
    if number is None or not math.isfinite(number):
        return text
    return str(int(number)) if number == int(number) else f"{number:.15g}"


def named_number(text: str, values: Sequence[str], row: int) -> float | None:
    """Parse a label as `to_number`; with ``values``, as their index: the names that mean 0 and 1.

    Raises `DataError` for another name, in the row of number ``row``.
    """
    if not values:
        return to_number(text)
    name = label_name(text)
    if name in values:
        return float(values.index(name))
    if text.lower() in MISSING:
        return math.nan
    raise DataError(
        f"row {row:,}: the label {text!r} is neither {values[0]!r} nor {values[1]!r}, the two values of binary "
        "labels: pass `kind=multiclass` for more classes, `kind=regression` for numbers"
    )


def to_number(text: str) -> float | None:
    """Parse a label: NaN when it is missing, None when it is not a number."""
    word = _WORDS.get(text.lower())
    if word is not None:
        return word
    try:
        return None if "_" in text else float(text)  # Python reads 1_000 as 1000
    except ValueError:
        return None


def limit_of(text: str) -> tuple[float, int] | None:
    """Parse a limit of a label: the number, and 1 if the label is above it, -1 if below; None if it is no limit.

    >>> limit_of("> 10"), limit_of("<=5.2"), limit_of("5.2")
    ((10.0, 1), (5.2, -1), None)
    """
    match = _LIMIT.fullmatch(text.strip())
    number = to_number(match["number"]) if match else None
    if match is None or number is None or not math.isfinite(number):
        return None
    return number, 1 if match["side"][0] in ">≥" else -1


def not_a_number(name: str, label: object) -> str:
    """Return the reason of a row whose label of target ``name`` is not a number."""
    limit = limit_of(str(label)) is not None
    advice = "; `censored_labels=true` reads such limits of a regression" if limit else ""
    return f"target is not a number: {name} is {label!r}{advice}"


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct names sorted; in numeric order when all of them are whole numbers."""
    distinct = sorted(set(names))
    if all(_WHOLE_NUMBER.fullmatch(name) for name in distinct):
        distinct.sort(key=int)
    return tuple(distinct)
