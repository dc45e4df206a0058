"""The page of `sma masks`: rows, and under each the drawings of what several masks hide. One file, no network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from string import Template

from sma_core.plugins.drawn_row import DrawnRow
from sma_core.printable import counted
from sma_view.drawer import Drawer
from sma_view.page_style import STYLE
from sma_view.svg import ACCENT, SPAN, STRONGEST

END_MARKER = " The narrow box at the end of a row is its end marker, which is an input too."
_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style
.text { max-height: 6em; overflow: auto; margin: 0 0 10px; overflow-wrap: anywhere; white-space: pre-wrap;
  font: 13px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.draws { display: flex; flex-wrap: wrap; gap: 12px; }
.picture { overflow-x: auto; }
.picture svg { display: block; }
.scale { display: inline-block; width: 120px; height: 10px; border: 1px solid var(--line);
  background: linear-gradient(to right, transparent, $strongest); }
</style>
</head>
<body>
<h1>$title</h1>
<dl>
$facts
</dl>
<p class="quiet">Colour is importance, by which guided masking ranks inputs, drawn anew for each mask. It is
relative to the mean of the row and has one scale for all rows: 1/$span <span class="scale"></span> $span times
the mean; equal colours mean uniform attention. Hidden inputs are outlined. Point at an input for its
number.$marker</p>
$rows
</body>
</html>
""")


@dataclass(frozen=True)
class PageRow:
    """A row of the page: number, text (empty for numbers), drawn rows by caption or why it has none, and name."""

    number: int
    text: str
    drawn: Mapping[str, DrawnRow] = field(default_factory=dict)
    reason: str | None = None
    name: str = ""


def masks_page(title: str, facts: Sequence[tuple[str, str]], rows: Sequence[PageRow], drawer: Drawer) -> str:
    """Return the page as HTML; ``facts`` are names and values that stand in its head."""
    listed = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return _PAGE.substitute(
        title=escape(title),
        style=STYLE,
        facts=listed,
        strongest=f"rgba({', '.join(str(int(ACCENT[i : i + 2], 16)) for i in (1, 3, 5))}, {STRONGEST})",
        span=f"{SPAN:g}",
        marker=END_MARKER if any(row.text for row in rows) else "",
        rows="\n".join(_row(row, drawer) for row in rows),
    )


def prefix(row: int, draw: int) -> str:
    """Return what begins the ids of one drawing of a page."""
    return f"r{row}-m{draw}-"


def _row(row: PageRow, drawer: Drawer) -> str:
    reason = f'<p class="quiet">cannot be used: {escape(row.reason)}</p>\n' if row.reason else ""
    figures = "\n".join(_figure(caption, drawn, row.number, drawer) for caption, drawn in row.drawn.items())
    text = f'<p class="text">{_visible(row.text)}</p>\n' if row.text else ""
    title = f"Row {row.number:,} {escape(row.name)}".strip()
    return f'<section>\n<h2>{title}</h2>\n{text}{reason}<div class="draws">\n{figures}\n</div>\n</section>'


def _figure(caption: str, row: DrawnRow, number: int, drawer: Drawer) -> str:
    """Return one mask: its caption, the hidden share, and the drawing of row ``number``."""
    hidden = f"{len(row.hidden)} of {counted(len(row.importance), 'input')} hidden ({row.hidden_share:.0%})"
    return (
        f"<figure><figcaption>{escape(caption)}: {hidden}</figcaption>\n"
        f'<div class="picture">{drawer.draw(row, number)}</div></figure>'
    )


def _visible(text: str) -> str:
    """Escape text for HTML; control characters, which a page must not hold, become replacement characters."""
    return escape(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", text))
