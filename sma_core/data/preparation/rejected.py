"""Record rejected rows in ``rejected.jsonl``, count them, and decide when there are too many."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from sma_core.data.pairs import shown
from sma_core.data.records import RejectedRow
from sma_core.data.remote.files import DataFile
from sma_core.errors import DataError

TEXT_SHOWN = 200
ROWS_BEFORE_EARLY_STOP = 10_000


@dataclass(kw_only=True)
class RejectionCounts:
    """Number of rows, of rejected rows, and of each reason."""

    rows: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Kind of reason -> row number and full reason of its first row."""

    def count(self, row: RejectedRow) -> None:
        """Count a rejected row; call it in file order."""
        self.rejected += 1
        self.reasons[row.kind] += 1
        self.first.setdefault(row.kind, (row.number, row.reason))


@dataclass(kw_only=True)
class Rejections(RejectionCounts):
    """Writes rejected rows to ``file``, one JSON object per line: file, row, reason, text, id if it has one."""

    source: DataFile
    file: TextIO

    def add(self, rejected: list[RejectedRow]) -> None:
        """Write and count the rejected rows of a chunk, in file order."""
        for row in rejected:
            self.count(row)
            text = shown(row.text)
            text = text if len(text) <= TEXT_SHOWN else text[: TEXT_SHOWN - 1] + "…"
            line = {"file": str(self.source), "row": row.number, "reason": row.reason, "text": text}
            line |= {"id": row.name} if row.name else {}
            self.file.write(json.dumps(line, ensure_ascii=False) + "\n")


def should_stop_early(rows_before: int, rows: int, rejected: int, max_rejected: float) -> bool:
    """Return whether to stop reading, since most of the first 10,000 rows are unusable.

    Called after each chunk, with the number of rows before it; it is True at most once.
    """
    reached = rows_before < ROWS_BEFORE_EARLY_STOP <= rows
    return reached and rejected > max(0.5, max_rejected) * rows


@dataclass(frozen=True, kw_only=True)
class RejectionVerdict:
    """Counts of a file, of its first rows when reading stopped early, or of several files."""

    source: str
    rows: int
    rejected: int
    reasons: dict[str, int]
    first: dict[str, tuple[int, str]]
    files: dict[str, str] = field(default_factory=dict)
    """Kind of reason -> file of its first row, when there are several files."""

    def too_many(self, max_rejected: float) -> bool:
        """Return whether more than the share ``max_rejected`` of rows, or every row, is unusable."""
        return self.rejected > max_rejected * self.rows or self.rejected == self.rows

    def error(self, max_rejected: float, listed: Path | None, early: bool = False) -> DataError:
        """Return the error: how many rows are unusable, why, which file lists them, and what to do."""
        kind, count = max(self.reasons.items(), key=lambda item: item[1])
        number, reason = self.first[kind]
        noun = "row" if self.rows == 1 else "rows"
        rows = f"the first {self.rows:,} {noun}" if early else f"the {self.rows:,} {noun}"
        verb = "is" if self.rejected == 1 else "are"
        share = f"{self.rejected:,} of {rows} of {self.source} {verb} unusable (limit {max_rejected:.1%})"
        remedy = "correct the file, or raise data.max_rejected"
        if self.rejected == self.rows:
            share = f"none of {rows} of {self.source} can be used"
            if self.rows == 1:
                share = f"the only row of {self.source} cannot be used"
            remedy = "correct the file, or check that the right column and reader are named"
        file = f" of {self.files[kind]}" if kind in self.files else ""
        where = f"; rejected rows are listed in {listed}" if listed else ""
        detail = f" ({reason})" if reason != kind else ""
        affected = f"{count:,} {'row' if count == 1 else 'rows'}"
        return DataError(
            f"{share}; the most common reason ({affected}) is {kind!r}, "
            f"first in row {number:,}{file}{detail}{where}; {remedy}"
        )
