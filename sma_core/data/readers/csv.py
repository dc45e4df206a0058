"""Read ``.csv`` and ``.tsv`` with a header line: one input column, and optional further columns.

Columns are separated by the usual delimiter of the suffix, or by another one that the first lines have instead.

A quoted record may span lines. An unclosed quote rejects only its own row: when joined lines give no valid record,
the first line is rejected and the following ones are read separately. Invalid UTF-8 rejects a row only in a
requested column.
"""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sma_core.data.readers import no_rows
from sma_core.data.readers.text_header import check_delimiter, choose_delimiter, column_names, split_cells
from sma_core.data.records import EMPTY, RejectedRow, Row, printable, row_or_rejected
from sma_core.data.streams import read_lines
from sma_core.errors import DataError

LINES_IN_RECORD = 10_000
"""A longer quoted record is treated as an unclosed quote."""


def read_csv(
    path: Path,
    column: str | None,
    fields: Sequence[str],
    *,
    usual: Sequence[str] = (),
    delimiter: str | None = None,
    strip: bool = True,
) -> Iterator[Row | RejectedRow]:
    """Yield the records of ``path``; the delimiter None is found in its first lines."""
    records = _Records(path, delimiter)
    header = records.header()
    text_index = header.index(choose_column(header, column, usual, path))
    field_indices = [header.index(choose_column(header, field, (), path)) for field in fields]
    number = 0
    for number, (cells, line) in enumerate(records, start=1):
        if cells is None or len(cells) != len(header):
            yield _malformed(number, cells, line, len(header))
        else:
            others = tuple(cells[i].strip() for i in field_indices)
            yield row_or_rejected(number, cells[text_index], others, strip=strip)
    if not number:
        raise no_rows(path)


def read_header(path: Path, delimiter: str | None = None) -> list[str]:
    """Return the column names of ``path``."""
    return _Records(path, delimiter).header()


def choose_column(header: Sequence[str], wanted: str | None, usual: Sequence[str], path: Path | str) -> str:
    """Return the column to read: ``wanted``, else the first usual name, else the only column.

    Usual names are matched exactly, then ignoring case. Raises `DataError`, listing the columns and the nearest
    name, when there is no match.
    """
    listed = ", ".join(header)
    if wanted is not None:
        if wanted in header:
            return wanted
        lowered = {name.lower(): name for name in header}
        near = difflib.get_close_matches(wanted.lower(), lowered, n=1)
        hint = f"; did you mean {lowered[near[0]]!r}?" if near else ""
        raise DataError(f"{path} has no column {wanted!r}; its columns are: {listed}{hint}")
    lowered = {name.lower(): name for name in reversed(header)}
    for name in usual:
        if name in header:
            return name
    for name in usual:
        if name.lower() in lowered:
            return lowered[name.lower()]
    if len(header) == 1:
        return header[0]
    raise DataError(
        f"{path} has no column with a usual name ({', '.join(usual) or 'none is known'}); "
        f"its columns are: {listed}; name one with data.column"
    )


def _malformed(number: int, cells: list[str] | None, line: str, columns: int) -> RejectedRow:
    if not line.strip():
        return RejectedRow(number, EMPTY)
    if cells is None:
        return RejectedRow(number, "quotation marks do not pair", printable(line))
    return RejectedRow(number, f"wrong number of columns: {len(cells)} instead of {columns}", printable(line))


@dataclass
class _Records:
    """Iterates over the records of a csv file, as cells and raw text."""

    path: Path
    delimiter: str | None = None

    def __post_init__(self) -> None:
        self.lines = read_lines(self.path)
        self.pushed_back = deque(islice(self.lines, 2))
        self.columns: int | None = None
        first = [line.decode("utf-8", "surrogateescape") for line in self.pushed_back]
        self.mark = check_delimiter(self.delimiter) if self.delimiter else choose_delimiter(self.path, first)

    def header(self) -> list[str]:
        """Read the first record as column names."""
        for cells, _ in self:
            names = column_names(cells, self.path)
            self.columns = len(names)
            return names
        raise no_rows(self.path)

    def __iter__(self) -> Iterator[tuple[list[str] | None, str]]:
        """Yield cells and text of each record; the cells are None when quotes do not pair."""
        while (line := self._next()) is not None:
            text = line.decode("utf-8", "surrogateescape")
            if '"' not in text:
                yield text.split(self.mark), text
            elif text.count('"') % 2 == 0:
                yield split_cells(text, self.mark), text
            else:
                yield self._joined(text)

    def _next(self) -> bytes | None:
        return self.pushed_back.popleft() if self.pushed_back else next(self.lines, None)

    def _joined(self, text: str) -> tuple[list[str] | None, str]:
        """Return a record of several lines, or its first line alone when they are not a valid record."""
        lines: list[bytes] = []
        joined = text
        while len(lines) < LINES_IN_RECORD and (line := self._next()) is not None:
            lines.append(line)
            decoded = line.decode("utf-8", "surrogateescape")
            joined = f"{joined}\n{decoded}"
            if decoded.count('"') % 2 == 1:
                cells = split_cells(joined, self.mark)
                if cells is not None and self.columns in (None, len(cells)):
                    return cells, joined
                break
        self.pushed_back.extendleft(reversed(lines))
        return None, text
