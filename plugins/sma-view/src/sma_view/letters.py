"""The general picture of a row of text: its letters, coloured by importance, hidden ones boxed and pale."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from sma_core.plugins.drawn_row import DrawnRow
from sma_view.svg import MONOSPACE, Shades, cell, document, said, told

CELL, LINE, WIDTH, MARGIN = 11.0, 26.0, 290.0, 3.0
"""Pixels: the width of a letter, the height of a line, the room for letters, the space around."""
NARROW = 5.0
"""Width of an input that adds no character."""


def draw_letters(row: DrawnRow) -> str:
    """Draw each input as its text on the colour of its importance; what is no character is a narrow box."""
    if len(row.pieces) != len(row.importance):
        raise ValueError("letters are for rows of text")
    parts, width, height = letter_parts(row, 0.0)
    return document(width, height, parts, f"text, {told(row)}")


def letter_parts(row: DrawnRow, top: float) -> tuple[list[str], float, float]:
    """Return the letters as parts of a drawing from ``top`` on, with its width, and where they end below."""
    shades, lines = Shades.of(row), list(_lines(row.pieces))
    parts = [f'<g font-family="{MONOSPACE}" font-size="14" text-anchor="middle">']
    widest = WIDTH
    for number, line in enumerate(lines):
        x, y = MARGIN, top + MARGIN + number * LINE
        for place in line:
            width, hidden = cell_width(row.pieces[place]), place in row.hidden
            fill = shades.fill(row.importance[place])
            parts.append(cell(x, y, width, shown(row.pieces[place]), fill, hidden, title_of(row, place)))
            x += width
        widest = max(widest, x - MARGIN)
    return [*parts, "</g>"], widest + 2 * MARGIN, top + len(lines) * LINE + 2 * MARGIN - (LINE - 20.0)


def _lines(pieces: Sequence[str]) -> Iterator[list[int]]:
    """Yield the places of the inputs on each line; a piece wider than a line has one of its own."""
    line: list[int] = []
    used = 0.0
    for place, piece in enumerate(pieces):
        width = cell_width(piece)
        if line and piece and used + width > WIDTH:
            yield line
            line, used = [], 0.0
        line.append(place)
        used += width
    yield line


def cell_width(piece: str) -> float:
    """Return the room that an input's text needs: a letter is one cell, a wide one of East Asia two."""
    if not piece:
        return NARROW
    letters = sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in piece)
    return letters * CELL + (4.0 if len(piece) > 1 else 0.0)


def shown(piece: str) -> str:
    """Return a piece as it is drawn: white space can be seen."""
    return "".join("\u2423" if each.isspace() else each for each in piece)


def title_of(row: DrawnRow, place: int) -> str:
    """Say of an input where it is, what it is, how important, and whether it is hidden; places count from 1."""
    is_end = place == len(row.pieces) - 1 and not row.pieces[place]
    what = " (end marker)" if is_end else f" {row.pieces[place]!r}" if row.pieces[place] else ""
    return f"{place + 1}{what}: {said(row.importance[place])}{', hidden' if place in row.hidden else ''}"
