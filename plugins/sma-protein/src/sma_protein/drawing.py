"""Drawing of a protein with its mask: residues in blocks of 10, 60 per line, with position numbers."""

from __future__ import annotations

from sma_core.plugins import DrawnRow
from sma_core.printable import counted
from sma_view.letters import title_of
from sma_view.svg import MONOSPACE, SANS, Shades, cell, document

LETTER, LINE, NUMBERS, GAP = 10.0, 26.0, 34.0, 6.0
"""In pixels: width of a residue, height of a line, width of the numbers, space between blocks."""
BLOCK, ON_LINE = 10, 60
END = 5.0
"""Width in pixels of an input that is not a residue, such as the final separator."""


def draw_sequence(row: DrawnRow) -> str:
    """Draw residues coloured by importance, with boxes around hidden ones and a position number per line."""
    shades, owners = Shades(row.importance), row.owners
    parts = [f'<g font-family="{MONOSPACE}" font-size="14" text-anchor="middle">']
    x, y = NUMBERS, 3.0
    for index, place in enumerate(owners):
        x, y = _position(index)
        fill, hidden = shades.fill(row.importance[place]), place in row.hidden
        parts.append(cell(x, y, LETTER, row.text[index], fill, hidden, title_of(row, place)))
        x += LETTER
    for place in sorted(set(range(len(row.pieces))) - set(owners)):
        x += 2.0
        fill = shades.fill(row.importance[place])
        parts.append(cell(x, y, END, "", fill, place in row.hidden, title_of(row, place)))
        x += END
    parts.append(f'</g><g font-family="{SANS}" font-size="10.5" text-anchor="end" fill-opacity="0.7">')
    for first in range(0, max(len(owners), 1), ON_LINE):
        parts.append(f'<text x="{NUMBERS - 6:g}" y="{_position(first)[1] + 14:g}">{first + 1}</text>')
    widest = _position(min(max(len(owners), 1), ON_LINE) - 1)[0] + LETTER
    label = (
        f"protein of {counted(len(owners), 'residue')}, {len(row.hidden)} of "
        f"{counted(len(row.pieces), 'input')} hidden"
    )
    return document(max(widest, x) + END + 8.0, y + 23.0, [*parts, "</g>"], label)


def _position(index: int) -> tuple[float, float]:
    """Return the coordinates (left, top) of a residue."""
    line, column = divmod(index, ON_LINE)
    return NUMBERS + column * LETTER + column // BLOCK * GAP, 3.0 + line * LINE
