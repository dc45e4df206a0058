"""Drawing of a protein with its mask: residues in blocks of 10, 60 per line, with position numbers.

Signed values are drawn like a sequence logo: above the line the residues that raise the prediction, below it those
that lower it, and the height of a letter is the size of its value.
"""

from __future__ import annotations

import math

from sma_core.plugins import DrawnRow
from sma_core.printable import counted
from sma_view.letters import title_of
from sma_view.svg import ACCENT, LOWERS, MONOSPACE, SANS, Shades, cell, document, escaped, largest, told

LETTER, LINE, NUMBERS, GAP = 10.0, 26.0, 34.0, 6.0
"""In pixels: width of a residue, height of a line, width of the numbers, space between blocks."""
BLOCK, ON_LINE = 10, 60
TALL, LOGO_LINE, MARGIN, FLAT = 34.0, 80.0, 4.0, 6.0
"""In pixels, in a logo: height of the largest letter, of a line, of the margin, of the flattest letter."""
FONT, CAPITAL = 16.0, 11.2
"""In pixels: size of the letters of a logo before they are stretched, and how high a capital letter then is."""
END = 5.0
"""Width in pixels of an input that is not a residue, such as the final separator."""


def draw_sequence(row: DrawnRow) -> str:
    """Draw residues coloured by importance, with boxes around hidden ones and a position number per line."""
    return _logo(row) if row.signed else _boxes(row)


def _boxes(row: DrawnRow) -> str:
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
    label = f"protein of {counted(len(owners), 'residue')}, {told(row)}"
    return document(max(widest, x) + END + 8.0, y + 23.0, [*parts, "</g>"], label)


def _logo(row: DrawnRow) -> str:
    """Draw each residue on or under its line, as high as its value is large."""
    owners, most = row.owners, largest(row.importance)
    parts = [f'<g font-family="{MONOSPACE}" font-weight="bold" font-size="{FONT:g}" text-anchor="middle">']
    for index, place in enumerate(owners):
        left, line = _position(index)[0], index // ON_LINE
        zero, value = MARGIN + TALL + line * LOGO_LINE, row.importance[place]
        share = abs(value) / most if most and math.isfinite(value) else 0.0
        parts.append(_letter(left, zero, row.text[index], share, value < 0, title_of(row, place)))
    parts.append(f'</g><g font-family="{SANS}" font-size="10.5" text-anchor="end" fill-opacity="0.7">')
    lines = range(0, max(len(owners), 1), ON_LINE)
    widest = _position(min(max(len(owners), 1), ON_LINE) - 1)[0] + LETTER
    for first in lines:
        zero = MARGIN + TALL + first // ON_LINE * LOGO_LINE
        parts.append(f'<text x="{NUMBERS - 6:g}" y="{zero + 4:g}">{first + 1}</text>')
        parts.append(f'<path d="M{NUMBERS:g} {zero:g}H{widest:g}" stroke="currentColor" stroke-opacity="0.35"/>')
    label = f"protein of {counted(len(owners), 'residue')}, {told(row)}"
    return document(widest + END + 8.0, MARGIN + len(lines) * LOGO_LINE, [*parts, "</g>"], label)


def _letter(left: float, zero: float, residue: str, share: float, lowers: bool, title: str) -> str:
    """Draw a letter of ``share`` of the full height over the line at ``zero``, or under it if it ``lowers``.

    Letters too flat to read stand small and pale in the middle of the line.
    """
    x, hue = left + LETTER / 2, LOWERS if lowers else ACCENT
    if share * TALL < FLAT:
        look = f'x="{x:g}" y="{zero + 3:g}" font-size="8" font-weight="normal" fill-opacity="0.55"'
        return f"<g><title>{escaped(title)}</title><text {look}>{escaped(residue)}</text></g>"
    height = share * TALL
    foot = zero + height if lowers else zero
    stretch = f'transform="translate({x:g} {foot:.4g}) scale(1 {height / CAPITAL:.4g})" fill="{hue}"'
    area = (
        f'<rect x="{left:g}" y="{foot - height:.4g}" width="{LETTER:g}" height="{height:.4g}" fill-opacity="0"/>'
    )
    return f"<g><title>{escaped(title)}</title><text {stretch}>{escaped(residue)}</text>{area}</g>"


def _position(index: int) -> tuple[float, float]:
    """Return the coordinates (left, top) of a residue."""
    line, column = divmod(index, ON_LINE)
    return NUMBERS + column * LETTER + column // BLOCK * GAP, 3.0 + line * LINE
