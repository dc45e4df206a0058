"""Count rows that are not in normal form, rows equal to an earlier one, and equal rows with different labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sma_core.data.records import Row


@dataclass(frozen=True)
class Spelling:
    """Numbers of usable rows: ``respelled`` are not in the normal form of their domain, None if it has none.

    ``duplicates`` are equal to an earlier row; ``conflicting`` are equal to a row with another label, None if no
    target was named.
    """

    respelled: int | None
    duplicates: int
    conflicting: int | None


class SpellingTally:
    """Keeps a hash of each row and of its label."""

    def __init__(self, normalised: bool, labelled: bool) -> None:
        self._normalised, self._labelled = normalised, labelled
        self._respelled = 0
        self._rows: list[int] = []
        self._labels: list[int] = []

    def add(self, rows: Sequence[Row]) -> None:
        """Add usable rows; the first field of each is its label, if labels are counted."""
        self._respelled += sum(row.written is not None for row in rows)
        self._rows += [hash(row.text) for row in rows]
        if self._labelled:
            self._labels += [hash(row.fields[0]) for row in rows]

    def result(self) -> Spelling:
        """Return the numbers of all rows."""
        rows = np.array(self._rows, dtype=np.int64)
        _, group, counts = np.unique(rows, return_inverse=True, return_counts=True)
        conflicting = None
        if self._labelled:
            pairs = np.unique(np.stack([group, np.array(self._labels, dtype=np.int64)]), axis=1)
            several = np.bincount(pairs[0], minlength=len(counts)) > 1
            conflicting = int(counts[several].sum())
        return Spelling(self._respelled if self._normalised else None, len(rows) - len(counts), conflicting)
