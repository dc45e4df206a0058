"""What drawings are made of: the colour of importance, marks of what is hidden, and whole SVG documents.

Renderers of plugins may use it too. Colours hold on light and dark pages: lines and letters have the colour of the
page's text, importance is one hue that grows more opaque.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape

from sma_core.plugins.drawn_row import DrawnRow
from sma_core.printable import counted

ACCENT, LOWERS = "#e8590c", "#1c7ed6"
"""The hue of importance and of what raises a prediction; the hue of what lowers it."""
SPAN = 8.0
"""The strongest colour is for this many times the mean importance of a row."""
STRONGEST = 0.75
"""Opacity of the highest importance: letters must stay readable on it."""
PALE = 0.6
"""Opacity of what is hidden, which has a box around it."""
MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(text: str) -> str:
    """Return text for use in an element or an attribute; characters that XML cannot hold become U+FFFD."""
    return escape(_NOT_IN_XML.sub("\ufffd", text))


class Shades:
    """The scale of colours, the same in every drawing: importance relative to the mean of its row.

    Logarithmic, from no colour at 1 / `SPAN` of the mean to the strongest at `SPAN` times the mean. Nearly uniform
    importance therefore looks nearly uniform.

    Signed values, those of `DrawnRow.signed`, have another scale: linear, from no colour at 0 to the strongest at
    the largest size in the row, in one hue where they raise the prediction and in another where they lower it.
    """

    def __init__(self, importance: Iterable[float], signed: bool = False) -> None:
        values = list(importance)
        self.mean = mean(values)
        self.largest = largest(values) if signed else None

    @classmethod
    def of(cls, row: DrawnRow) -> Shades:
        """Return the scale of a row."""
        return cls(row.importance, row.signed)

    def share(self, value: float) -> float | None:
        """Return where ``value`` is on the scale, from 0 to 1 and 0.5 for the mean; None where it is unknown.

        Of signed values it is the size relative to the largest.
        """
        if self.largest is not None:
            return (
                None if not math.isfinite(value) else min(abs(value) / self.largest, 1.0) if self.largest else 0.0
            )
        if not math.isfinite(value) or not math.isfinite(self.mean):
            return None
        if value <= 0.0 or self.mean <= 0.0:
            return 0.0
        return min(max((math.log(value / self.mean, SPAN) + 1.0) / 2.0, 0.0), 1.0)

    def fill(self, value: float) -> str:
        """Return the attributes that fill a shape with the colour of ``value``; no colour where it is unknown."""
        share = self.share(value)
        hue = LOWERS if self.largest is not None and value < 0 else ACCENT
        return 'fill="none"' if share is None else f'fill="{hue}" fill-opacity="{share * STRONGEST:.3f}"'


def said(value: float) -> str:
    """Write a number with three figures that count; ``unknown`` for NaN."""
    return "unknown" if math.isnan(value) else f"{value:.3g}"


def mean(values: Iterable[float]) -> float:
    """Return the mean of those that are known; NaN when none is."""
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def largest(values: Iterable[float]) -> float:
    """Return the largest size of those that are known; 0 when none is."""
    return max((abs(value) for value in values if math.isfinite(value)), default=0.0)


def told(row: DrawnRow) -> str:
    """Say what a drawing shows of its row: how many inputs are hidden, or what each adds to the prediction."""
    inputs = counted(len(row.importance), "input")
    return (
        f"what each of {inputs} adds to the prediction" if row.signed else f"{len(row.hidden)} of {inputs} hidden"
    )


def cell(x: float, y: float, width: float, text: str, fill: str, hidden: bool, title: str) -> str:
    """Draw a piece of text, 20 high, on the colour of its importance; a hidden one is boxed and pale.

    ``title`` is what a page says when one points at it.
    """
    parts = [f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="20" {fill}/>']
    if text:
        parts.append(f'<text x="{x + width / 2:g}" y="{y + 15:g}"{pale(hidden)}>{escaped(text)}</text>')
    if hidden:
        parts.append(box(x + 0.75, y, width - 1.5, 20))
    return f"<g><title>{escaped(title)}</title>{''.join(parts)}</g>"


def box(x: float, y: float, width: float, height: float) -> str:
    """Draw the box around something hidden."""
    return (
        f'<rect x="{x:g}" y="{y + 0.75:g}" width="{width:g}" height="{height - 1.5:g}" rx="1.5" fill="none" '
        'stroke="currentColor" stroke-width="1.5"/>'
    )


def pale(hidden: bool) -> str:
    """Return the attribute of text that is hidden; nothing for other text."""
    return f' fill-opacity="{PALE}"' if hidden else ""


def document(width: float, height: float, parts: Sequence[str], label: str) -> str:
    """Return a whole SVG of that size in pixels; ``label`` says for those who cannot see it what it is."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escaped(label)}" width="{width:g}" '
        f'height="{height:g}" viewBox="0 0 {width:g} {height:g}" fill="currentColor">{"".join(parts)}</svg>'
    )


def rgba(colour: str, opacity: float) -> str:
    """Return a colour such as ``#e8590c`` with an opacity, as style sheets write it."""
    return f"rgba({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))}, {opacity})"
