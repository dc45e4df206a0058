"""Conversion of column arrays to blocks, shared by the readers.

Shapes: n rows, F features, K further columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers.features import finite_block
from sma_core.data.readers.other_columns import array_column
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError

ROWS_IN_BLOCK = 65_536
VALUES_IN_BLOCK = 4_000_000
"""Approximate maximum number of values in a block."""

_NUMBERS = "fiub"


def rows_in_block(width: int) -> int:
    """Return the number of rows in a block for rows of ``width`` values."""
    return min(ROWS_IN_BLOCK, max(1, VALUES_IN_BLOCK // max(1, width)))


def is_numeric(kind: np.dtype[Any]) -> bool:
    """Return whether a dtype is numeric."""
    return kind.kind in _NUMBERS


def not_numbers(path: Path, name: str, kind: object) -> DataError:
    """Return the error for a feature that is not a column of numbers."""
    return DataError(f"{path}: {name!r} has type {kind}, not one number per row; choose others with data.columns")


def not_there(path: Path) -> DataError:
    """Return the error for a file that does not exist."""
    return DataError(f"there is no file {path}; check the path")


def make_block(
    start: int, features: Sequence[NDArray[Any]], fields: Sequence[NDArray[Any]], columns: tuple[str, ...]
) -> Iterator[Block | RejectedRow]:
    """Yield rejected rows, then a block of F features and K further columns (n,), which follow ``start`` rows."""
    values = np.empty((len(features[0]), len(features)), dtype=np.float32)
    with np.errstate(over="ignore"):
        for index, feature in enumerate(features):
            values[:, index] = feature
    numbers = np.arange(start + 1, start + 1 + len(values))
    rejected, block = finite_block(numbers, values, tuple(array_column(field) for field in fields), columns)
    yield from rejected
    if len(block):
        yield block
