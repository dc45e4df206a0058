"""Comma-separated values, also compressed."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sma_core.writers.formats.writer import Columns, TableWriter

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


@contextmanager
def csv_format(path: Path, suffix: str) -> Iterator[TableWriter]:
    """Open a CSV file; with a suffix that ends in ``.gz`` it is compressed."""
    if not suffix.endswith(".gz"):
        with path.open("w", newline="", encoding="utf-8") as file:
            yield CsvTable(file)
        return
    # No name and time in the header, so that equal rows give equal bytes.
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as file,
    ):
        yield CsvTable(file)


class CsvTable:
    """Comma-separated, numbers with the digits that float32 needs, missing cells empty.

    Lists have spaces between numbers, and vertical bars between texts.
    """

    def __init__(self, file: SupportsWrite[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._has_header = False

    def write(self, columns: Columns) -> None:
        """Append rows."""
        if not self._has_header:
            self._writer.writerow(columns)
            self._has_header = True
        self._writer.writerows(zip(*(map(_cell, cells.to_pylist()) for cells in columns.values()), strict=True))


def exact_text(value: float) -> str:
    """Return the shortest text that is read back as the same number; as float32, if it is one.

    >>> exact_text(1700000037.123456), exact_text(float(np.float32(0.1)))
    ('1700000037.123456', '0.1')
    """
    with np.errstate(over="ignore"):
        return number_text(value) if float(np.float32(value)) == value else repr(value).removesuffix(".0")


def number_text(value: float) -> str:
    """Return the shortest text that is read back as the same float32; whole numbers without a decimal point.

    Numbers from 1000 that are not float32 have 12 digits, since float32 may be too coarse for their differences.

    >>> number_text(12345601.0), number_text(0.1), number_text(1700000037.25)
    ('12345601', '0.1', '1700000037.25')
    """
    with np.errstate(over="ignore"):
        single = np.float32(value)
    if not np.isfinite(single):
        return repr(value).removesuffix(".0")
    if 1e3 <= abs(value) < 1e16 and (float(single) != value or abs(value) >= 2**24):
        return np.format_float_positional(value if value.is_integer() else float(f"{value:.12g}"), trim="-")
    if value == 0.0 or 1e-5 <= abs(value) < 1e16:
        return np.format_float_positional(single, trim="-")
    return np.format_float_scientific(single, trim="-")


def _cell(value: Any) -> Any:  # noqa: ANN401 - a cell of any type
    if value is None:
        return ""
    if isinstance(value, list):
        return "|".join(value) if value and isinstance(value[0], str) else " ".join(map(number_text, value))
    return number_text(value) if isinstance(value, float) else value
