"""The general picture of a sequence of vectors: a curve for each channel, on the colour of its importance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sma_core.plugins.drawn_row import DrawnRow
from sma_view.svg import SANS, Shades, document, escaped, said, told

WIDTH, NAMES, PANEL, GAP, TOP = 640.0, 96.0, 44.0, 6.0, 4.0
"""In pixels: width of the drawing and of names, height of a channel and of the space under it, the margin."""
CHANNELS_DRAWN = 24
LONGEST_NAME = 14


def draw_course(row: DrawnRow) -> str:
    """Draw the curve of each channel over positions; the colour behind it is the importance.

    With ``channel_importance`` each channel has colours of its own, otherwise those of its positions. Hidden
    positions are outlined. Raises `ValueError` for rows that are no sequences.
    """
    if not row.vectors or len(row.vectors) != len(row.importance):
        raise ValueError("courses are for sequences of vectors")
    columns = list(zip(*row.channel_importance, strict=True))
    values = [value for column in columns for value in column] or row.importance
    shades = Shades(values, row.signed)
    parts = [f'<g font-family="{SANS}" font-size="11.5">']
    drawn = row.channels[:CHANNELS_DRAWN]
    for channel, name in enumerate(drawn):
        top = TOP + channel * (PANEL + GAP)
        importance = columns[channel] if columns else row.importance
        parts += _panel(row, channel, importance, shades, top)
        short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        label = f"<title>{escaped(name)}</title>{escaped(short)}"
        parts.append(f'<text x="2" y="{top + PANEL / 2 + 4:g}">{label}</text>')
    bottom = TOP + len(drawn) * (PANEL + GAP)
    if len(row.channels) > len(drawn):
        parts.append(
            f'<text x="2" y="{bottom + 12:g}">… and {len(row.channels) - len(drawn)} more channels</text>'
        )
        bottom += 18.0
    return document(WIDTH, bottom, [*parts, "</g>"], f"sequence of {len(row.channels)} channels, {told(row)}")


def _panel(row: DrawnRow, channel: int, importance: Sequence[float], shades: Shades, top: float) -> list[str]:
    """Draw one channel: a coloured cell for each position, and the curve over the cells."""
    step = (WIDTH - NAMES - 4) / len(row.vectors)
    values = [vector[channel] for vector in row.vectors]
    known = [value for value in values if math.isfinite(value)] or [0.0]
    least, span = min(known), (max(known) - min(known)) or 1.0
    parts, curve, pen = [], "", "M"
    for place, value in enumerate(values):
        x = NAMES + place * step
        hidden = place in row.hidden
        outline = ' stroke="currentColor" stroke-width="1"' if hidden else ""
        number = "missing" if value != value else f"{value:.4g}"
        what = "adds" if row.signed else "importance"
        title = f"{row.features[place]}: {number}; {what} {said(importance[place])}{', hidden' if hidden else ''}"
        shape = f'x="{x:.4g}" y="{top:g}" width="{step:.4g}" height="{PANEL:g}" {shades.fill(importance[place])}'
        parts.append(f'<rect {shape}{outline} pointer-events="all"><title>{escaped(title)}</title></rect>')
        if math.isfinite(value):
            curve += f"{pen}{x + step / 2:.4g} {top + PANEL - 3 - (value - least) / span * (PANEL - 6):.4g}"
            pen = "L"
        else:
            pen = "M"
    line = f'<path d="{curve}" fill="none" stroke="currentColor" stroke-width="1.2" pointer-events="none"/>'
    return [*parts, *([line] if curve else [])]
