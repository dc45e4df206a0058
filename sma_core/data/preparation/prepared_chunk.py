"""Chunks of prepared rows: rows ready for the store, and rejected rows.

Letters: n rows of a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sma_core.data.records import RejectedRow
from sma_core.data.store.writer import StoreWriter


class StorableRows(Protocol):
    """Rows that can be written to a store."""

    @property
    def numbers(self) -> NDArray[np.int64]:
        """(n,) row numbers in the source."""
        ...

    def take(self, indices: NDArray[np.int64]) -> Self:
        """Return the rows at ``indices``."""
        ...

    def write(self, writer: StoreWriter) -> None:
        """Append the rows to a store."""
        ...


@dataclass(frozen=True)
class PreparedChunk:
    """``count`` consecutive rows of the source: those ready for the store, and those rejected, in order."""

    count: int
    ready: StorableRows
    rejected: list[RejectedRow]
    shortened: int = 0
    """Number of ready rows that were truncated to the maximum length."""
    classes: Sequence[str] = ()
    """Class names seen up to this chunk."""
    windowed: int = 0
    """Number of rows split into windows."""
    windows: int = 0
    """Number of their windows, each of which is a ready row."""
