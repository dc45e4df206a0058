"""A protein with what a mask hides: residues in blocks of ten, sixty on a line, with their numbers."""

from __future__ import annotations

from sma_core.plugins import DrawnRow
from sma_view.letters import title_of
from sma_view.svg import MONOSPACE, SANS, Shades, cell, document

LETTER, LINE, NUMBERS, GAP = 10.0, 26.0, 34.0, 6.0
"""Pixels: a residue's width, a line's height, the room for numbers, the space between blocks."""
BLOCK, ON_LINE = 10, 60
END = 5.0
"""Width of an input that is no residue: the separator at the end."""


def draw_sequence(row: DrawnRow) -> str:
    """Draw residues on the colour of their importance, hidden ones boxed; a line begins with its first number."""
    shades, owners = Shades(row.importance), row.owners
    parts = [f'<g font-family="{MONOSPACE}" font-size="14" text-anchor="middle">']
    x, y = NUMBERS, 3.0
    for at, place in enumerate(owners):
        x, y = _place(at)
        fill, hidden = shades.fill(row.importance[place]), place in row.hidden
        parts.append(cell(x, y, LETTER, row.text[at], fill, hidden, title_of(row, place)))
        x += LETTER
    for place in sorted(set(range(len(row.pieces))) - set(owners)):
        x += 2.0
        fill = shades.fill(row.importance[place])
        parts.append(cell(x, y, END, "", fill, place in row.hidden, title_of(row, place)))
        x += END
    parts.append(f'</g><g font-family="{SANS}" font-size="10.5" text-anchor="end" fill-opacity="0.7">')
    for first in range(0, max(len(owners), 1), ON_LINE):
        parts.append(f'<text x="{NUMBERS - 6:g}" y="{_place(first)[1] + 14:g}">{first + 1}</text>')
    widest = _place(min(max(len(owners), 1), ON_LINE) - 1)[0] + LETTER
    label = f"a protein of {len(owners)} residues, {len(row.hidden)} of {len(row.pieces)} inputs hidden"
    return document(max(widest, x) + END + 8.0, y + 23.0, [*parts, "</g>"], label)


def _place(at: int) -> tuple[float, float]:
    """Return where the residue with this index stands: left edge and top."""
    line, column = divmod(at, ON_LINE)
    return NUMBERS + column * LETTER + column // BLOCK * GAP, 3.0 + line * LINE
