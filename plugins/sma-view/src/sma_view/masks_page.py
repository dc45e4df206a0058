"""The page of `sma masks`: rows, and under each the drawings of what several masks hide. One file, no network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from string import Template

from sma_core.plugins.drawn_row import DrawnRow
from sma_view.drawer import Drawer
from sma_view.svg import ACCENT, Shades, opacity, said

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark;
  --page: #f6f6f4; --card: #fff; --text: #1d1f21; --quiet: #5f6368; --line: #d9d9d5; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181a; --card: #202326; --text: #e6e6e3; --quiet: #a3a7ab; --line: #3a3e42; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 16px; max-width: 1100px; background: var(--page); color: var(--text);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 8px; font-size: 22px; overflow-wrap: anywhere; }
h2 { margin: 28px 0 4px; font-size: 16px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0; }
dt, .quiet { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.text { max-height: 6em; overflow: auto; margin: 0 0 10px; overflow-wrap: anywhere; white-space: pre-wrap;
  font: 13px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.draws { display: flex; flex-wrap: wrap; gap: 12px; }
figure { margin: 0; padding: 8px; max-width: 100%; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; }
.picture { overflow-x: auto; }
.picture svg { display: block; }
figcaption, .legend { font-size: 12.5px; color: var(--quiet); }
.legend { display: flex; align-items: center; gap: 6px; margin-top: 6px; }
.scale { flex: 1; min-width: 60px; max-width: 180px; height: 10px; border: 1px solid var(--line);
  background: linear-gradient(to right, $stops); }
</style>
</head>
<body>
<h1>$title</h1>
<dl>
$facts
</dl>
<p class="quiet">Colour is importance, from the lowest of the row to the highest: what guided masking
ranks inputs by, drawn anew for each mask. What is hidden is outlined. Point at an input for its
number.</p>
$rows
</body>
</html>
""")


@dataclass(frozen=True)
class PageRow:
    """A row of the page: number, text (empty for numbers), a drawn row a mask, or the reason why it has none."""

    number: int
    text: str
    draws: tuple[DrawnRow, ...] = ()
    reason: str | None = None


def masks_page(title: str, facts: Sequence[tuple[str, str]], rows: Sequence[PageRow], drawer: Drawer) -> str:
    """Return the page as HTML; ``facts`` are names and values that stand in its head."""
    listed = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return _PAGE.substitute(
        title=escape(title),
        facts=listed,
        stops=_stops(),
        rows="\n".join(_row(row, drawer) for row in rows),
    )


def _stops() -> str:
    """Return the colours of the scale as CSS, with enough stops for the curve of `opacity`."""
    red, green, blue = (int(ACCENT[at : at + 2], 16) for at in (1, 3, 5))
    shares = [(step / 8) ** 2 for step in range(9)]
    return ", ".join(f"rgba({red}, {green}, {blue}, {opacity(share):.3f}) {share:.2%}" for share in shares)


def prefix(row: int, draw: int) -> str:
    """Return what begins the ids of one drawing of a page."""
    return f"r{row}-m{draw}-"


def _row(row: PageRow, drawer: Drawer) -> str:
    reason = f'<p class="quiet">cannot be used: {escape(row.reason)}</p>\n' if row.reason else ""
    figures = "\n".join(_figure(draw, at, row.number, drawer) for at, draw in enumerate(row.draws, start=1))
    text = f'<p class="text">{_visible(row.text)}</p>\n' if row.text else ""
    return (
        f'<section>\n<h2>Row {row.number:,}</h2>\n{text}{reason}<div class="draws">\n{figures}\n</div>\n</section>'
    )


def _figure(row: DrawnRow, number: int, row_number: int, drawer: Drawer) -> str:
    """Return one mask: its number, the hidden share, the drawing, and the scale of its colours."""
    shades, count = Shades(row.importance), len(row.importance)
    caption = f"mask {number}: {len(row.hidden)} of {count} inputs hidden ({row.hidden_share:.0%})"
    scale = f"{said(shades.lowest)} <span class='scale'></span> {said(shades.highest)}"
    return (
        f'<figure><figcaption>{caption}</figcaption>\n<div class="picture">{drawer.draw(row, row_number)}</div>\n'
        f'<div class="legend">importance {scale}</div></figure>'
    )


def _visible(text: str) -> str:
    """Escape text for HTML; control characters, which a page must not hold, become replacement characters."""
    return escape(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", text))
