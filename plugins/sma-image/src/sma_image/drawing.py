"""Drawing of a picture with its mask: the pixels, hidden ones crossed out, beside a map of importance."""

from __future__ import annotations

import math

from sma_core.plugins import DrawnRow
from sma_view.svg import SANS, Shades, document, escaped, said, told

SIDE, GAP, HEAD = 160.0, 12.0, 18.0
"""Pixels: longest side of a picture, space between pictures, height of their titles."""
PALE = 0.35
"""Opacity of the picture under signed values."""
PICTURE, SEEN, IMPORTANCE, ADDED = "picture", "what the model sees", "importance", "adds to the prediction"


def draw_picture(row: DrawnRow) -> str:
    """Draw the picture, the picture without its hidden pixels if there are any, and importance if it is known.

    Of signed values, draw the picture and, on a pale one, what each pixel adds to the prediction.

    Raises `ValueError` when the pixels fill no grid.
    """
    rows, columns = grid_of(row)
    step = SIDE / max(rows, columns)
    shades, colours = Shades.of(row), _colours(row)
    parts = [f'<g font-family="{SANS}" font-size="11.5" shape-rendering="crispEdges">']
    titles = _titles(row)
    for index, title in enumerate(titles):
        left = index * (columns * step + GAP)
        parts.append(f'<text x="{left:g}" y="12">{title}</text>')
        for place in range(rows * columns):
            x, y = left + place % columns * step, HEAD + place // columns * step
            if title == ADDED:
                parts.append(_pixel(x, y, step, f'fill="{colours[place]}" fill-opacity="{PALE}"'))
            if title in (ADDED, IMPORTANCE):
                fill = shades.fill(row.importance[place])
            elif title == SEEN and place in row.hidden:
                parts.append(_cross(x, y, step))
                continue
            else:
                fill = f'fill="{colours[place]}"'
            title_of = f"<title>{escaped(_described(row, place, columns))}</title>"
            parts.append(_pixel(x, y, step, fill, title_of))
    label = f"picture of {rows} x {columns} pixels, {told(row) if row.signed else f'{len(row.hidden)} hidden'}"
    return document(len(titles) * (columns * step + GAP) - GAP, HEAD + rows * step, [*parts, "</g>"], label)


def _titles(row: DrawnRow) -> list[str]:
    """Return the titles of the parts of a drawing."""
    if row.signed:
        return [PICTURE, ADDED]
    known = any(math.isfinite(value) for value in row.importance)
    return [PICTURE, *([SEEN] if row.hidden else []), *([IMPORTANCE] if known else [])]


def grid_of(row: DrawnRow) -> tuple[int, int]:
    """Return the numbers of rows and columns of pixels; raise `ValueError` when they are not known."""
    side = math.isqrt(len(row.vectors))
    grid = row.grid or (side, side)
    if len(grid) != 2 or math.prod(grid) != len(row.vectors) or not row.vectors:
        raise ValueError(f"{len(row.vectors)} positions do not fill a grid of {' x '.join(map(str, grid))} pixels")
    return grid[0], grid[1]


def _colours(row: DrawnRow) -> list[str]:
    """Return a colour for each pixel: three channels as red, green and blue, else the mean as grey.

    The scale is from 0 to 255 if all values are in it and one exceeds 16, else from the least to the largest one.
    """
    known = [value for vector in row.vectors for value in vector if math.isfinite(value)] or [0.0]
    least, most = min(known), max(known)
    if least >= 0 and 16 < most <= 255:
        least, most = 0.0, 255.0

    def shade(value: float) -> int:
        return round(255 * (value - least) / (most - least)) if most > least and math.isfinite(value) else 128

    colours = []
    for vector in row.vectors:
        levels = vector if len(vector) == 3 else (sum(vector) / len(vector),) * 3
        colours.append("#" + "".join(f"{shade(level):02x}" for level in levels))
    return colours


def _described(row: DrawnRow, place: int, columns: int) -> str:
    """Return the place, the values and the importance of a pixel."""
    values = ", ".join(f"{name} {value:.4g}" for name, value in zip(row.channels, row.vectors[place], strict=True))
    where = f"row {place // columns + 1}, column {place % columns + 1}"
    hidden = ", hidden" if place in row.hidden else ""
    return f"{where}: {values}; {'adds' if row.signed else 'importance'} {said(row.importance[place])}{hidden}"


def _pixel(x: float, y: float, step: float, fill: str, title: str = "") -> str:
    return f'<rect x="{x:.4g}" y="{y:.4g}" width="{step:.4g}" height="{step:.4g}" {fill}>{title}</rect>'


def _cross(x: float, y: float, step: float) -> str:
    """Draw a hidden pixel."""
    ends = f"M{x:.4g} {y:.4g}l{step:.4g} {step:.4g}M{x + step:.4g} {y:.4g}l{-step:.4g} {step:.4g}"
    return f'<path d="{ends}" stroke="currentColor" stroke-opacity="0.35"/>'
