"""Rows set aside: a line of ``rejected.jsonl`` for each, and counts that tell when it is too many."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from sma_core.data.records import RejectedRow
from sma_core.data.remote.files import DataFile
from sma_core.errors import DataError

TEXT_SHOWN = 200
ROWS_BEFORE_EARLY_STOP = 10_000


@dataclass(kw_only=True)
class RejectionCounts:
    """How many rows there were, how many are set aside, and why."""

    rows: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Kind of reason -> row number and full reason of the first row that has it."""

    def count(self, row: RejectedRow) -> None:
        """Take in one row set aside; they come in the file's order."""
        self.rejected += 1
        self.reasons[row.kind] += 1
        self.first.setdefault(row.kind, (row.number, row.reason))


@dataclass(kw_only=True)
class Rejections(RejectionCounts):
    """What was set aside so far. ``file`` takes one JSON object a line: file, row, reason, text."""

    source: DataFile
    file: TextIO

    def add(self, rejected: list[RejectedRow]) -> None:
        """Write and count the rows of one chunk, which are in the file's order."""
        for row in rejected:
            self.count(row)
            text = row.text if len(row.text) <= TEXT_SHOWN else row.text[: TEXT_SHOWN - 1] + "…"
            line = {"file": str(self.source), "row": row.number, "reason": row.reason, "text": text}
            self.file.write(json.dumps(line, ensure_ascii=False) + "\n")


def should_stop_early(rows_before: int, rows: int, rejected: int, max_rejected: float) -> bool:
    """Whether enough rows have just been read to see that most of them are unusable.

    It is asked after each chunk, with the number of rows before it, and says yes once at most.
    """
    just_enough = rows_before < ROWS_BEFORE_EARLY_STOP <= rows
    return just_enough and rejected > max(0.5, max_rejected) * rows


@dataclass(frozen=True, kw_only=True)
class RejectionVerdict:
    """Counts of a whole file, of its beginning when reading stopped early, or of several files together."""

    source: str
    rows: int
    rejected: int
    reasons: dict[str, int]
    first: dict[str, tuple[int, str]]
    files: dict[str, str] = field(default_factory=dict)
    """Kind of reason -> the file that its first row stands in, where there are several."""

    def too_many(self, max_rejected: float) -> bool:
        """Whether a larger share of the rows is unusable than allowed, or all of them."""
        return self.rejected > max_rejected * self.rows or self.rejected == self.rows

    def error(self, max_rejected: float, listed: Path | None, early: bool = False) -> DataError:
        """Say how many rows are unusable, why, where the list is, and what to do."""
        kind, count = max(self.reasons.items(), key=lambda item: item[1])
        number, reason = self.first[kind]
        rows = f"the first {self.rows:,} rows" if early else f"the {self.rows:,} rows"
        share = f"{self.rejected:,} of {rows} of {self.source} cannot be used, {max_rejected:.1%} may be"
        remedy = "mend the file, or allow more with --max-rejected"
        if self.rejected == self.rows:
            share = f"none of {rows} of {self.source} can be used"
            remedy = "mend the file, or check that the right column and reader are named"
        file = f" of {self.files[kind]}" if kind in self.files else ""
        where = f"; all are listed in {listed}" if listed else ""
        return DataError(
            f"{share}; the most common reason, {count:,} times, is {kind!r}, "
            f"first in row {number:,}{file} ({reason}){where}; {remedy}"
        )
