"""Pieces of a source on their way to the stores: what is ready goes to training or is kept apart.

Letters: n rows of a piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sma_core.data.hashing import chosen
from sma_core.data.records import RejectedRow
from sma_core.data.store_writer import StoreWriter
from sma_core.errors import DataError


class Ready(Protocol):
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
class Piece:
    """Some rows in a row of the source: how many there are, those ready, and those set aside in their order."""

    count: int
    ready: Ready
    rejected: list[RejectedRow]
    shortened: int = 0
    """Rows among the ready ones that were cut to the largest length."""
    classes: Sequence[str] = ()
    """Class names met up to here."""


class Sorter:
    """Sends each row to its store: ``train`` and ``held_out``, or one for all when ``held_out`` is None.

    One piece is held back: only the last one can tell whether a store would stay empty, which happens
    with tiny files; then the file's last usable row goes there.
    """

    def __init__(self, source: Path, writers: list[StoreWriter], held_out: float | None, seed: int) -> None:
        self._source, self._writers, self._share, self._seed = source, writers, held_out, seed
        self._held: Ready | None = None

    def add(self, piece: Piece) -> None:
        """Take the usable rows of a piece."""
        for writer in self._writers:
            writer.classes = piece.classes
        if len(piece.ready.numbers):
            if self._held is not None:
                self._write(self._held, self._held_out(self._held))
            self._held = piece.ready

    def finish(self) -> None:
        """Write the piece held back, so that no store stays empty."""
        assert self._held is not None, "a file without usable rows is refused before"
        mask = self._held_out(self._held)
        if len(self._writers) == 2:
            train, held_out = self._writers
            if held_out.rows + int(mask.sum()) == 0:
                mask[-1] = True
            elif train.rows + int((~mask).sum()) == 0:
                mask[-1] = False
            if train.rows + held_out.rows + len(mask) < 2:
                raise DataError(
                    f"{self._source} holds one usable row only; training and the held-out loss need one each"
                )
        self._write(self._held, mask)

    def _held_out(self, ready: Ready) -> NDArray[np.bool_]:
        if self._share is None:
            return np.zeros(len(ready.numbers), dtype=np.bool_)
        return chosen(ready.numbers, self._share, self._seed)

    def _write(self, ready: Ready, held_out: NDArray[np.bool_]) -> None:
        for writer, mask in zip(self._writers, (~held_out, held_out), strict=False):
            part = ready if mask.all() else ready.take(np.flatnonzero(mask))
            part.write(writer)
