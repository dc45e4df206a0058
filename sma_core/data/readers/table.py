"""Read ``.csv`` and ``.tsv`` files of numbers in blocks, with pyarrow's parser.

The next block of lines is parsed in a thread while the last one is in use. A block that fails is halved repeatedly
until a few lines remain, which are parsed one by one, so a bad row rejects only itself. Each record is one line;
cells may be quoted, but only those of the header may contain line ends.

Letters: n rows, F features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute as pc
from pyarrow import csv as arrow_csv

from sma_core.data.blocks import Block
from sma_core.data.readers import no_rows
from sma_core.data.readers.features import Chosen, finite_block
from sma_core.data.readers.other_columns import arrow_column
from sma_core.data.readers.text_header import (
    check_delimiter,
    choose_delimiter,
    column_names,
    find_decimal,
    is_header,
    parse_number,
    split_cells,
)
from sma_core.data.records import EMPTY, MISSING_SPELLINGS, RejectedRow, is_decoded, printable
from sma_core.data.streams import read_blocks
from sma_core.errors import DataError
from sma_core.printable import counted

T = TypeVar("T")

BLOCK_BYTES = 8 << 20
LINES_READ_SINGLY = 64
LINES_SAMPLED = 200
LONGEST_SAMPLE = 1 << 20
LINES_IN_HEADER = 100
LARGEST = float(np.finfo(np.float32).max)


def read_table(
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    names: Sequence[str] = (),
    delimiter: str | None = None,
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of ``path`` in blocks; ``names`` are those of a file without a header line.

    Delimiter, decimal mark and header are found in the first lines.
    """
    blocks = _ahead(read_blocks(path, BLOCK_BYTES))
    first = next(blocks, b"")
    if not first:
        raise no_rows(path)
    header, rest = _first_record(first)
    second = [_decoded(line) for line in rest[:LONGEST_SAMPLE].split(b"\n", LINES_SAMPLED)[:LINES_SAMPLED]]
    mark = check_delimiter(delimiter) if delimiter else choose_delimiter(path, [header, *second[:1]])
    cells = split_cells(header, mark)
    if names and not is_header(cells):
        if len(names) != len(cells or ()):
            raise DataError(
                f"{path} has {counted(len(cells or ()), 'column')}, but {len(names)} names are given for them"
            )
        rest = first
    else:
        names = column_names(cells, path)
    chosen = Chosen.among(names, columns, fields, path)
    table = _Table(tuple(names), chosen, mark, find_decimal([header, *second], mark, path))
    number = 0
    for lines, count, parsed in _ahead(table.parsed(chain([rest], blocks))):
        yield from table.rows(lines, number + 1, count, parsed)
        number += count
    if not number:
        raise no_rows(path)


def _first_record(block: bytes) -> tuple[str, bytes]:
    """Split a block after its first line, or after the line in which the first line's quotes pair."""
    end = 0
    for _ in range(LINES_IN_HEADER):
        end = block.find(b"\n", end) + 1
        if not end or block.count(b'"', 0, end) % 2 == 0:
            break
    header, rest = (block[: end - 1], block[end:]) if end else (block, b"")
    return _decoded(header), rest


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items, computing the next one in a thread while the last is in use."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = pool.submit(next, items, None)
            yield item


@dataclass(frozen=True)
class _Table:
    """Parses blocks of lines with the columns ``names``."""

    names: tuple[str, ...]
    chosen: Chosen
    delimiter: str
    decimal: str

    def parsed(self, blocks: Iterator[bytes]) -> Iterator[tuple[bytes, int, Any | None]]:
        """Yield lines, their number, and their Arrow table, or None when a line is bad."""
        for lines in blocks:
            if lines:
                count = _line_count(lines)
                yield lines, count, self._fast(lines, count)

    def rows(
        self,
        lines: bytes,
        number: int,
        count: int,
        parsed: Any | None,  # noqa: ANN401 - pyarrow has no types
    ) -> Iterator[Block | RejectedRow]:
        """Yield the rows of ``count`` lines, numbered from ``number``; ``parsed`` is their table or None."""
        if parsed is not None:
            rejected, block = self._block(parsed, np.arange(number, number + count))
            yield from rejected
            if len(block):
                yield block
            return
        if count <= LINES_READ_SINGLY:
            yield from self._singly(lines, number)
            return
        middle = lines.find(b"\n", len(lines) // 2) + 1
        if not 0 < middle < len(lines):
            middle = lines.find(b"\n") + 1
        for part, size, parsed in self.parsed(iter([lines[:middle], lines[middle:]])):
            yield from self.rows(part, number, size, parsed)
            number += size

    def _fast(self, lines: bytes, count: int) -> Any | None:  # noqa: ANN401 - pyarrow has no types
        """Parse all lines at once; return None when a line is bad."""
        keys = [str(index) for index in range(len(self.names))]
        types = dict.fromkeys((keys[index] for index in self.chosen.features), pa.float32())
        types |= dict.fromkeys((keys[index] for index in self.chosen.fields), pa.string())
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(lines),
                read_options=arrow_csv.ReadOptions(
                    column_names=keys, block_size=BLOCK_BYTES // 8, use_threads=False
                ),
                parse_options=arrow_csv.ParseOptions(delimiter=self.delimiter, ignore_empty_lines=False),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=types,
                    include_columns=[keys[index] for index in (*self.chosen.features, *self.chosen.fields)],
                    null_values=MISSING_SPELLINGS,
                    decimal_point=self.decimal,
                ),
            )
        except pa.ArrowInvalid:
            return None
        # Unpaired quotes can include line ends; then rows are not lines.
        return table if table.num_rows == count else None

    def _block(self, table: Any, numbers: NDArray[np.int64]) -> tuple[list[RejectedRow], Block]:  # noqa: ANN401
        features = len(self.chosen.features)
        values = np.empty((table.num_rows, features), dtype=np.float32)
        for index in range(features):
            values[:, index] = table.column(index).to_numpy()
        written = tuple(table.column(features + index) for index in range(len(self.chosen.fields)))
        fields = tuple(arrow_column(self._with_points(column)) for column in written)
        return finite_block(numbers, values, fields, self.chosen.columns, written)

    def _with_points(self, texts: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return texts with decimal points where numbers have decimal commas."""
        if self.decimal == ".":
            return texts
        return pc.replace_substring_regex(texts, r"^(\s*[+-]?\d*),(\d+(?:[eE][+-]?\d+)?\s*)$", r"\1.\2")

    def _singly(self, lines: bytes, number: int) -> Iterator[Block | RejectedRow]:
        """Parse a few lines one by one."""
        numbers, values, fields = [], [], []
        for row, line in enumerate(lines.removesuffix(b"\n").split(b"\n"), start=number):
            cells = split_cells(_decoded(line), self.delimiter)
            reason = self._reason(line, cells)
            if reason is not None or cells is None:
                whole = cells is not None and len(cells) == len(self.names)
                others = tuple(printable(cells[index]) for index in self.chosen.fields) if cells and whole else ()
                yield RejectedRow(row, reason or EMPTY, printable(_decoded(line)), others)
                continue
            numbers.append(row)
            values.append([parse_number(cells[index], self.decimal) for index in self.chosen.features])
            fields.append([cells[index] for index in self.chosen.fields])
        if numbers:
            written = tuple(_texts(column) for column in zip(*fields, strict=True))
            arrays = tuple(arrow_column(self._with_points(column)) for column in written)
            rows, numeric = np.array(numbers), np.array(values, dtype=np.float32)
            yield Block(rows, numeric, arrays, self.chosen.columns, None, written)

    def _reason(self, line: bytes, cells: list[str] | None) -> str | None:
        """Return why a line is unusable, or None."""
        if not line.strip():
            return EMPTY
        if cells is None:
            return "quotation marks do not pair"
        if len(cells) != len(self.names):
            return f"wrong number of columns: {len(cells)} instead of {len(self.names)}"
        for index, name in zip(self.chosen.features, self.chosen.columns, strict=True):
            number = parse_number(cells[index], self.decimal)
            if number is None:
                return f"not a number: {name} is {printable(cells[index])!r}"
            if abs(number) > LARGEST:
                return f"not a finite float32 number: {name} is {cells[index]}"
        if not all(is_decoded(cells[index]) for index in self.chosen.fields):
            return "not valid UTF-8"
        return None


def _texts(cells: Sequence[str]) -> Any:  # noqa: ANN401 - pyarrow has no types
    return pa.array(list(cells), pa.string())


def _line_count(lines: bytes) -> int:
    return lines.count(b"\n") + (not lines.endswith(b"\n"))
