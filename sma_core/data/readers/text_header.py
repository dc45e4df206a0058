"""The first lines of a text table: its delimiter, its column names, and whether numbers have decimal commas."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

from sma_core.data.records import MISSING, printable
from sma_core.data.streams import data_suffix
from sma_core.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
MOST_COLUMNS = 100_000
_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


def split_cells(text: str, delimiter: str) -> list[str] | None:
    """Split a record into cells; None when quotes do not pair."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), None)
    except csv.Error:
        return None


def choose_delimiter(path: Path, lines: Sequence[str]) -> str:
    """Return the delimiter of a table: that of its suffix, or another one that fits its first two lines better."""
    usual = "\t" if data_suffix(path) == ".tsv" else ","
    counts = {
        delimiter: [len(split_cells(line, delimiter) or ()) for line in lines[:2]]
        for delimiter in (usual, *DELIMITERS)
    }
    able = {delimiter: count for delimiter, count in counts.items() if count and count[0] > 1}
    fitting = {delimiter: count for delimiter, count in able.items() if len(set(count)) == 1}
    if usual in fitting or (usual in able and not fitting) or not able:
        return usual
    return max(fitting or able, key=lambda delimiter: counts[delimiter][0])


def check_delimiter(delimiter: str) -> str:
    """Return the delimiter that a user named, a character or ``tab``; raises `DataError` for anything else."""
    character = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if len(character) != 1 or character in '"\r\n':
        raise DataError(f"a delimiter is one character, or 'tab', not {delimiter!r}")
    return character


def column_names(cells: Sequence[str] | None, path: Path) -> list[str]:
    """Return the names in a header, ``column 1`` for an empty first one.

    Raises `DataError` for a record that is not a header, and for duplicate names.
    """
    if cells is None:
        raise DataError(f"{path} has a header line that is not valid csv; correct its quotes")
    if not any(cell.strip() for cell in cells):
        raise DataError(f"{path} begins with an empty line; its first line must name the columns")
    names = [printable(cell).strip() or f"column {index}" for index, cell in enumerate(cells, start=1)]
    if _are_data(names):
        shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        raise DataError(
            f"{path} begins with a row of numbers ({shown}) instead of column names; add a header line with the "
            "names of the columns, or for training on rows of numbers set data.names to them"
        )
    check_unique(names, path)
    return names


def check_unique(names: Sequence[str], path: Path | str) -> None:
    """Raise `DataError` for column names that occur twice, and for more than `MOST_COLUMNS`."""
    if len(names) > MOST_COLUMNS:
        raise DataError(f"{path} has {len(names):,} columns; at most {MOST_COLUMNS:,} are read")
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path} has {names.count(name)} columns named {name!r}; give each a unique name")


def is_header(cells: Sequence[str] | None) -> bool:
    """Return whether no cell is a number."""
    return cells is not None and all(cell.strip() and not _is_number(cell) for cell in cells)


_INFINITE = ("inf", "infinity")
"""Words that are numbers to Python, and may be names of columns."""


def _are_data(names: Sequence[str]) -> bool:
    """Return whether a header is a row of numbers: one with a fraction, or integers that do not count columns."""
    if any(_is_number(name) and not name.isdigit() and name.lower() not in _INFINITE for name in names):
        return True
    counted = [[str(index + first) for index in range(len(names))] for first in (0, 1)]
    return all(map(_is_number, names)) and (len(names) < 3 or list(names) not in counted)


def parse_number(cell: str, decimal: str = ".") -> float | None:
    """Return the number in a cell: NaN when missing, None when it is not a number."""
    cell = cell.strip()
    if cell.lower() in MISSING:
        return math.nan
    if "_" in cell:  # Python reads 1_000 as 1000
        return None
    try:
        return float(cell.replace(decimal, ".") if decimal != "." and _COMMA.fullmatch(cell) else cell)
    except ValueError:
        return None


def _is_number(cell: str) -> bool:
    number = parse_number(cell, ",")
    return number is not None and not math.isnan(number)


def find_decimal(lines: Sequence[str], delimiter: str, path: Path) -> str:
    """Return the decimal mark of the numbers in the first lines, a point or a comma.

    Raises `DataError` when the commas may as well separate thousands.
    """
    cells = [cell.strip() for line in lines for cell in split_cells(line, delimiter) or ()]
    commas = [cell for cell in cells if _COMMA.fullmatch(cell)]
    if not commas or any(_POINT.fullmatch(cell) for cell in cells):
        return "."
    if all(map(_THOUSANDS.fullmatch, commas)):
        raise DataError(
            f"{path} has numbers such as {commas[0]}, with a comma for decimals or for thousands; write them "
            "with a decimal point"
        )
    return ","
