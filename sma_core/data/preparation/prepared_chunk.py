"""Pieces of a source on their way to the store: rows that are ready, and rows set aside.

Letters: n rows of a piece.
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
    """Rows that can go into a store."""

    @property
    def numbers(self) -> NDArray[np.int64]:
        """(n,) their numbers in the source."""
        ...

    def take(self, at: NDArray[np.int64]) -> Self:
        """Return the rows at these indices."""
        ...

    def write(self, writer: StoreWriter) -> None:
        """Append the rows to a store."""
        ...


@dataclass(frozen=True)
class PreparedChunk:
    """Some rows in a row of the source: how many there are, those ready, and those set aside in their order."""

    count: int
    ready: StorableRows
    rejected: list[RejectedRow]
    shortened: int = 0
    """Rows among the ready ones that were cut to the largest length."""
    classes: Sequence[str] = ()
    """Class names met up to here."""
