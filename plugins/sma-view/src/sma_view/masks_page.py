"""The page of `sma masks`: rows, and under each the drawings of what several masks hide. One file, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sma_core.plugins.drawn_row import DrawnRow
from sma_core.printable import counted
from sma_view.drawer import Drawer
from sma_view.page import colour_scale, drawing, facts, page, remark, section, side_by_side, written
from sma_view.svg import ACCENT, SPAN, STRONGEST, rgba

END_MARKER = " The narrow box at the end of a row is its end marker, which is an input too."
_SCALE = colour_scale("transparent", rgba(ACCENT, STRONGEST))
_LEGEND = f"""<p class="quiet">Colour is importance, by which guided masking ranks inputs, drawn anew for each
mask. It is relative to the mean of the row, with one scale for all rows: 1/{SPAN:g} {_SCALE} {SPAN:g} times the
mean; equal colours mean uniform attention. Hidden inputs are outlined. Point at an input for its number."""


@dataclass(frozen=True)
class PageRow:
    """A row of the page: number, text (empty for numbers), drawn rows by caption or why it has none, and name."""

    number: int
    text: str
    drawn: Mapping[str, DrawnRow] = field(default_factory=dict)
    reason: str | None = None
    name: str = ""


def masks_page(title: str, pairs: Sequence[tuple[str, str]], rows: Sequence[PageRow], drawer: Drawer) -> str:
    """Return the page as HTML; ``pairs`` are names and values that stand in its head."""
    legend = f"{_LEGEND}{END_MARKER if any(row.text for row in rows) else ''}</p>"
    return page(title, [facts(pairs), legend, *(_row(row, drawer) for row in rows)])


def prefix(row: int, draw: int) -> str:
    """Return what begins the ids of one drawing of a page."""
    return f"r{row}-m{draw}-"


def _row(row: PageRow, drawer: Drawer) -> str:
    reason = remark(f"cannot be used: {row.reason}") if row.reason else ""
    figures = (_figure(caption, drawn, row.number, drawer) for caption, drawn in row.drawn.items())
    parts = [written(row.text), reason, side_by_side(figures)]
    return section(f"Row {row.number:,} {row.name}".strip(), parts)


def _figure(caption: str, row: DrawnRow, number: int, drawer: Drawer) -> str:
    """Return one mask: its caption, the hidden share, and the drawing of row ``number``."""
    hidden = f"{len(row.hidden)} of {counted(len(row.importance), 'input')} hidden ({row.hidden_share:.0%})"
    return drawing(f"{caption}: {hidden}", drawer.draw(row, number))
