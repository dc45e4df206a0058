"""What `explain` returns: counts, the verdict of the deletion test, and the largest values of the first rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sma_view.explain.deletion import DeletionResult
from sma_view.explain.explained_rows import ExplainedRow

LARGE_GAP = 0.05
"""Share of the explained change from which on a completeness gap is a warning."""
SHOWN, TOP = 3, 5
"""Rows of the result with their largest values, and the number of these."""


@dataclass(frozen=True)
class TopValue:
    """One of the largest values of a row: where it is, of what, and the value."""

    position: int
    symbol: str
    value: float


@dataclass(frozen=True)
class ShownRow:
    """One of the first rows: what is predicted, and its largest values, or the reason why it has none."""

    row: int
    name: str
    text: str
    prediction: float | None
    label: str
    top: list[TopValue]
    reason: str | None


@dataclass(frozen=True)
class ExplainResult:
    """What was explained, and whether it means anything.

    ``rows`` were read, of which ``unusable`` have no values. ``unit`` is that of predictions and values. ``gap``
    is the mean size of the completeness gap of integrated gradients, and ``gap_share`` its part of the change that
    the values explain; None for other methods. ``shown`` are the first rows.
    """

    outs: list[Path]
    method: str
    target: str
    unit: str
    rows: int
    unusable: int
    drawn: int
    deletion: DeletionResult | None
    gap: float | None
    gap_share: float | None
    shown: list[ShownRow]
    seconds: float

    @property
    def completeness(self) -> str:
        """A sentence on the completeness gap; empty for other methods than integrated gradients."""
        if self.gap is None or self.gap_share is None:
            return ""
        figures = f"completeness gap {self.gap:.3g}, {self.gap_share:.1%} of the change that the values explain"
        return f"{figures}: use more steps, or another method" if self.is_incomplete else figures

    @property
    def is_incomplete(self) -> bool:
        """Whether the gap is so large that the values are not what the method promises."""
        return self.gap_share is not None and self.gap_share > LARGE_GAP


@dataclass
class Collected:
    """What is kept of the rows while they pass: counts, the rows of the page, and the first ones."""

    page_rows: int
    rows: int = 0
    usable: int = 0
    reason: str | None = None
    with_gap: int = 0
    gaps: float = 0.0
    changes: float = 0.0
    drawn: list[ExplainedRow] = field(default_factory=list)
    shown: list[ShownRow] = field(default_factory=list)

    def add(self, row: ExplainedRow) -> None:
        """Count a row, and keep it if it is one of the first."""
        self.rows += 1
        self.usable += row.values is not None
        if row.values is None and not self.reason:
            self.reason = f"row {row.number:,}: {row.remark}"
        if row.gap is not None:
            self.with_gap += 1
            self.gaps += abs(row.gap)
            self.changes += abs(float(row.by_input.sum()) + row.gap)
        if len(self.drawn) < self.page_rows:
            self.drawn.append(row)
        if len(self.shown) < SHOWN:
            self.shown.append(shown(row))

    @property
    def gap(self) -> float | None:
        """The mean size of the completeness gap, None if there is none."""
        return self.gaps / self.with_gap if self.with_gap else None

    @property
    def gap_share(self) -> float | None:
        """The gap relative to the mean size of the changes that the values should add up to."""
        return self.gaps / max(self.changes, 1e-12) if self.with_gap else None


def shown(row: ExplainedRow) -> ShownRow:
    """Return a row with its largest values, largest size first."""
    if row.values is None or row.drawn is None:
        return ShownRow(row.number, row.name, row.text, None, "", [], row.remark)
    channels = row.drawn.channels if row.values.ndim == 2 else ()
    flat = row.values.reshape(-1)
    width = max(len(channels), 1)
    top = [
        TopValue(
            place // width + 1,
            channels[place % width] if channels else row.symbols[place // width],
            float(flat[place]),
        )
        for place in np.argsort(-np.abs(flat), kind="stable")[:TOP].tolist()
        if flat[place]
    ]
    return ShownRow(row.number, row.name, row.text, row.prediction, row.label, top, row.remark)
