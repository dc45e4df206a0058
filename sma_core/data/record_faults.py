"""What is wrong with the rows and blocks that a plugin's reader yields: a phrase, or None.

Letters: n rows of a block, T positions of all its rows, C columns or channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.records import RejectedRow, Row
from sma_core.printable import counted


@dataclass
class RecordFaults:
    """Checks the records of one file in order; ``fields`` is the number of requested further columns.

    ``last`` is the number of the last row of text, or the last row of the last block.
    """

    fields: int
    last: int = 0
    _rejected: set[int] = field(default_factory=set)
    """Numbers of rejected rows after the last block."""
    _first: Block | None = None

    def of(self, record: Row | Block | RejectedRow) -> str | None:
        """Return what is wrong with the next record."""
        if isinstance(record, Block):
            return self._of_block(record)
        fault = self._of_number(record) or _of_texts(record, self.fields)
        if fault is None and isinstance(record, RejectedRow):
            self._rejected.add(record.number)
        if fault is None and isinstance(record, Row):
            self.last = record.number
        return fault

    def of_text(self, record: Row | RejectedRow) -> str | None:
        """Return what is wrong with the next row of a reader of text, where all rows are in order."""
        fault = self._of_number(record) or _of_texts(record, self.fields)
        if fault is None:
            self.last = record.number
        return fault

    def _of_number(self, record: Row | RejectedRow) -> str | None:
        """Return what is wrong with the number of a row."""
        kind: str = type(record).__name__
        number: Any = record.number
        if isinstance(number, bool) or not isinstance(number, Integral):
            return f"a {kind} with the number {number!r:.60}, where a whole number is expected"
        if number < 1:
            return f"a {kind} with the number {number}, where rows are numbered from 1"
        if number <= self.last or number in self._rejected:
            return f"a {kind} with the number {number:,}, where numbers ascend and no row is given twice"
        return None

    def _of_block(self, block: Block) -> str | None:
        """Return what is wrong with a block, by itself and after the others."""
        fault = (
            block_fault(block)
            or _fault_of_fields(block, self.fields)
            or self._fault_of_numbers(block.numbers)
            or self._fault_of_change(block)
        )
        if fault is None and len(block):
            self.last = int(block.numbers[-1])
            self._rejected = {number for number in self._rejected if number > self.last}
            self._first = self._first or block
        return fault

    def _fault_of_numbers(self, numbers: NDArray[np.int64]) -> str | None:
        if not len(numbers):
            return None
        if int(numbers[0]) < 1:
            return f"the row number {numbers[0]}, where rows are numbered from 1"
        falls = np.flatnonzero(np.diff(numbers) < 1)
        if len(falls) or int(numbers[0]) <= self.last:
            wrong = numbers[int(falls[0]) + 1] if len(falls) else numbers[0]
            return f"the row number {wrong:,} out of order, where numbers ascend and no row is given twice"
        twice = self._rejected.intersection(numbers.tolist()) if self._rejected else None
        return f"the row {min(twice):,}, which was given as a RejectedRow before" if twice else None

    def _fault_of_change(self, block: Block) -> str | None:
        """Return how a block differs from the first of the file."""
        first = self._first
        if first is None:
            return None
        kinds = ["a table" if each.offsets is None else "sequences" for each in (first, block)]
        if kinds[0] != kinds[1]:
            return f"rows that are {kinds[1]}, where the blocks before have {kinds[0]}"
        widths = [each.values.shape[1] for each in (first, block)]
        if widths[0] != widths[1]:
            return f"{counted(widths[1], 'column')}, where the blocks before have {widths[0]:,}"
        if first.columns != block.columns:
            names = [", ".join(each.columns) or "none" for each in (block, first)]
            return f"the columns {names[0]:.200}, where the blocks before have {names[1]:.200}"
        return None


def _of_texts(record: Row | RejectedRow, fields: int) -> str | None:
    """Return what is wrong with the texts of a row."""
    kind, number = type(record).__name__, record.number
    told: dict[str, Any] = {"text": record.text} | (
        {"reason": record.reason} if isinstance(record, RejectedRow) else {}
    )
    for name, text in told.items():
        if not isinstance(text, str):
            return f"a {kind} whose {name} is {type(text).__name__} instead of str, in row {number:,}"
    cells: Any = record.fields
    if not isinstance(cells, tuple | list) or not all(isinstance(cell, str) for cell in cells):
        return f"a {kind} whose fields are not a tuple of str, in row {number:,}"
    if isinstance(record, Row) and len(record.fields) != fields:
        return (
            f"{counted(len(record.fields), 'further column')}, where {fields:,} {'is' if fields == 1 else 'are'} "
            f"requested as fields, in row {number:,}"
        )
    return None


def _fault_of_fields(block: Block, fields: int) -> str | None:
    if len(block.fields) == fields:
        return None
    are = "is" if fields == 1 else "are"
    return f"{counted(len(block.fields), 'further column')}, where {fields:,} {are} requested as fields"


def with_arrays(block: Block) -> Block:
    """Return a block with arrays where the reader gave lists of numbers or texts, and columns a tuple."""
    numbers, offsets = _integers(block.numbers), _integers(block.offsets)
    columns: Any = block.columns
    columns = tuple(columns) if isinstance(columns, list) else columns
    fields = tuple(map(_cells, block.fields))
    return replace(block, numbers=numbers, offsets=offsets, columns=columns, fields=fields)


def _cells(given: Any) -> Any:  # noqa: ANN401 - whatever the plugin gives
    """Return a further column that is a list of numbers or texts, or an array of integers, as it is expected."""
    if isinstance(given, np.ndarray):
        return given.astype(np.float64) if given.ndim == 1 and given.dtype.kind in "iu" else given
    if not isinstance(given, list | tuple):
        return given
    if all(isinstance(cell, str) for cell in given):
        return np.array(given, dtype=object)
    numbers = all(isinstance(cell, Real) and not isinstance(cell, bool) for cell in given)
    return np.array(given, dtype=np.float64) if numbers else given


def _integers(given: Any) -> Any:  # noqa: ANN401 - whatever the plugin gives
    """Return a list of whole numbers as an array; anything else as it is."""
    if not isinstance(given, list | tuple):
        return given
    whole = all(isinstance(number, Integral) and not isinstance(number, bool) for number in given)
    return np.array(given, dtype=np.int64) if whole else given


def block_fault(block: Block) -> str | None:
    """Return what is wrong with the shapes of a block; None for a correct one."""
    values = block.values
    small = block.offsets is not None and getattr(values, "dtype", None) == np.uint8
    if not isinstance(values, np.ndarray) or values.ndim != 2 or not (values.dtype.kind == "f" or small):
        return (
            f"values of shape {np.shape(values)} and type {getattr(values, 'dtype', type(values).__name__)}, "
            "where two dimensions of float32 are expected, or of uint8 or float16 for sequences"
        )
    if not _is_integers(block.numbers):
        return f"row numbers of type {_type(block.numbers)}, where an array (n,) of integers is expected"
    rows = len(block.numbers)
    if block.offsets is None and len(values) != rows:
        return f"{counted(len(values), 'row')} of values, but {counted(rows, 'row number')}"
    if block.offsets is not None:
        offsets = block.offsets
        whole = _is_integers(offsets) and len(offsets) == rows + 1
        if not whole or offsets[0] != 0 or offsets[-1] != len(values) or bool((np.diff(offsets) < 0).any()):
            return f"offsets that are not {rows + 1:,} integers from 0 to {len(values):,}, in ascending order"
    if wrong := _fault_of_columns(block.columns, values.shape[1]):
        return wrong
    if wrong := _fault_of_grid(block) or next(filter(None, map(_fault_of_cells, block.fields)), None):
        return wrong
    uneven = [len(cells) for cells in (*block.fields, *block.written) if len(cells) != rows]
    return f"{counted(uneven[0], 'cell')} in a further column, but {counted(rows, 'row')}" if uneven else None


def _fault_of_columns(columns: Any, width: int) -> str | None:  # noqa: ANN401 - whatever the plugin gives
    """Return what is wrong with the names of C columns."""
    if not isinstance(columns, tuple) or not all(isinstance(name, str) for name in columns):
        return f"columns that are not a tuple of str: {columns!r:.100}"
    if columns and len(columns) != width:
        return f"{counted(len(columns), 'name')} for {counted(width, 'column')}"
    twice = (
        sorted({name for name in columns if columns.count(name) > 1}) if len(set(columns)) < len(columns) else []
    )
    return f"the column {twice[0]!r:.100} twice, where names differ" if twice else None


def _fault_of_grid(block: Block) -> str | None:
    """Return what is wrong with the grid of a block whose offsets are right."""
    grid: Any = block.grid
    if not isinstance(grid, tuple) or not all(isinstance(size, Integral) and int(size) > 0 for size in grid):
        return f"a grid that is not a tuple of whole numbers from 1: {grid!r:.60}"
    places, lengths = math.prod(map(int, grid)), np.full(len(block), block.values.shape[1])  # (n,)
    if block.offsets is not None:
        lengths = np.diff(block.offsets)
    long = np.flatnonzero(lengths > places)
    if not grid or not len(long):
        return None
    row = int(long[0])
    return (
        f"{counted(int(lengths[row]), 'position')} in row {block.numbers[row]:,}, where the grid {grid} holds "
        f"{places:,}"
    )


def _fault_of_cells(cells: Any) -> str | None:  # noqa: ANN401 - whatever the plugin gives
    """Return what is wrong with a further column (n,)."""
    is_array = isinstance(cells, np.ndarray) and cells.ndim == 1
    if is_array and (cells.dtype.kind in "fU" or (cells.dtype == object and _are_texts(cells))):
        return None
    return (
        f"a further column of type {_type(cells)}, where an array (n,) of floats, or of objects of type str, is "
        "expected: make it with array_column or text_column of sma_core.data.readers.other_columns"
    )


def _are_texts(cells: NDArray[Any]) -> bool:
    return all(isinstance(cell, str) for cell in cells.tolist())


def _is_integers(numbers: Any) -> bool:  # noqa: ANN401 - whatever the plugin gives
    return isinstance(numbers, np.ndarray) and numbers.ndim == 1 and numbers.dtype.kind in "iu"


def _type(numbers: Any) -> str:  # noqa: ANN401 - whatever the plugin gives
    kind = getattr(numbers, "dtype", None)
    return type(numbers).__name__ if kind is None else f"{kind} and shape {np.shape(numbers)}"
