"""The general renderer of rows of numbers: a line per feature, with its importance as a bar and its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sma_core.plugins.drawn_row import DrawnRow
from sma_view.svg import SANS, Shades, box, document, escaped, pale, said, told

WIDTH, LINE, NAMES, BAR = 296.0, 18.0, 130.0, 92.0
"""Pixels: width of the drawing, height of a line, width of names, length of the longest bar."""
FONT, SMALLEST = 11.5, 8.0
"""Font sizes: normal, and minimum for long names."""
CHANNELS_SHOWN = 2


def draw_bars(row: DrawnRow) -> str:
    """Draw a line per feature: name, importance as a bar, value; hidden features are boxed and pale.

    Bars of signed values go from the middle to the right or, where negative, to the left.
    """
    return draw_groups(row, {"": range(len(row.features))})


def draw_groups(
    row: DrawnRow, groups: Mapping[str, Sequence[int]], meanings: Mapping[str, str] | None = None
) -> str:
    """Draw features in groups, a mapping of headings to feature indices; an empty heading is not drawn.

    ``meanings`` maps features to descriptions, shown as tooltips.
    """
    if len(row.features) != len(row.importance) or len(row.values or row.vectors) != len(row.importance):
        raise ValueError("bars are for rows of numbers")
    shades, parts, y = Shades.of(row), [f'<g font-family="{SANS}" font-size="{FONT}">'], 2.0
    for heading, places in groups.items():
        if heading:
            y += 4.0
            parts.append(f'<text x="2" y="{y + 12:g}" font-weight="bold">{escaped(heading)}</text>')
            y += LINE
        for place in places:
            parts.append(_line(row, place, y, shades, (meanings or {}).get(row.features[place], "")))
            y += LINE
    label = f"{'sequence' if row.vectors else 'numbers'}, {told(row)}"
    return document(WIDTH, y + 2.0, [*parts, "</g>"], label)


def _number(value: float) -> str:
    return "missing" if value != value else f"{value:.5g}"


def _vector(values: Sequence[float]) -> str:
    """Write the first numbers of a position; the tooltip has all."""
    shown = ", ".join("-" if value != value else f"{value:.2g}" for value in values[:CHANNELS_SHOWN])
    return f"{shown}, …" if len(values) > CHANNELS_SHOWN else shown


def _line(row: DrawnRow, place: int, y: float, shades: Shades, meaning: str) -> str:
    """Draw one feature."""
    name, importance, hidden = row.features[place], row.importance[place], place in row.hidden
    if row.vectors:
        numbers = zip(row.channels, row.vectors[place], strict=True)
        meaning = ", ".join(f"{channel} {_number(value)}" for channel, value in numbers)
    what = "adds" if row.signed else "importance"
    title = f"{name}{': ' if meaning else ''}{meaning}; {what} {said(importance)}{', hidden' if hidden else ''}"
    size, text = _fitted(name)
    length = (shades.share(importance) or 0.0) * (BAR / 2 if row.signed else BAR)
    zero = NAMES + 6 + (BAR / 2 if row.signed else 0.0)
    left = zero - (length if row.signed and importance < 0 else 0.0)
    value = _vector(row.vectors[place]) if row.vectors else _number(row.values[place])
    parts = [
        f'<text x="6" y="{y + 13:g}" font-size="{size:.3g}"{pale(hidden)}>{escaped(text)}</text>',
        f'<rect x="{left:.4g}" y="{y + 4:g}" width="{length:.4g}" height="10" {shades.fill(importance)}/>',
        f'<path d="M{zero:g} {y + 2:g}v14" stroke="currentColor" stroke-opacity="0.35"/>',
        f'<text x="{WIDTH - 6:g}" y="{y + 13:g}" text-anchor="end"{pale(hidden)}>{value}</text>',
    ]
    if hidden:
        parts.append(box(2, y, WIDTH - 4, LINE))
    return f"<g><title>{escaped(title)}</title>{''.join(parts)}</g>"


def _fitted(name: str) -> tuple[float, str]:
    """Return a font size at which a name fits, and the name, truncated if necessary."""
    size = min(FONT, (NAMES - 8) / (max(len(name), 1) * 0.56))
    most = int((NAMES - 8) / (SMALLEST * 0.56))
    return max(size, SMALLEST), name if len(name) <= most else name[: most - 1] + "…"
