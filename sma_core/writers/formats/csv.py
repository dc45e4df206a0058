"""Comma-separated values, also compressed."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from sma_core.writers.formats.writer import Columns, TableWriter


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
    """Comma-separated, numbers with six digits, missing cells empty."""

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._has_header = False

    def write(self, columns: Columns) -> None:
        """Append rows."""
        if not self._has_header:
            self._writer.writerow(columns)
            self._has_header = True
        self._writer.writerows(zip(*(map(_cell, cells.to_pylist()) for cells in columns.values()), strict=True))


def _cell(value: Any) -> Any:  # noqa: ANN401 - a cell of any type
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
