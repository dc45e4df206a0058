"""What pages are made of: the head and style they share, sections, tables, charts and drawings.

A page is one file that needs no network; its colours follow the light or dark mode of the system.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from string import Template

STYLE = """:root { color-scheme: light dark;
  --page: #f6f6f4; --card: #fff; --text: #1d1f21; --quiet: #5f6368; --line: #d9d9d5; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181a; --card: #202326; --text: #e6e6e3; --quiet: #a3a7ab; --line: #3a3e42; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 16px; max-width: 1100px; background: var(--page); color: var(--text);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 8px; font-size: 22px; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0; }
dt, .quiet { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 0; padding: 8px; max-width: 100%; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; }
figcaption { font-size: 12.5px; color: var(--quiet); }
h2 { margin: 28px 0 4px; font-size: 19px; border-bottom: 1px solid var(--line); padding-bottom: 4px; }
h3 { margin: 20px 0 6px; font-size: 15px; }
.charts { display: flex; flex-wrap: wrap; gap: 12px; }
.charts figure { flex: 0 1 460px; min-width: 0; }
.charts img { display: block; width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; }
th, td { padding: 3px 12px 3px 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
th { color: var(--quiet); font-weight: 500; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.warning { border-left: 4px solid #d9822b; background: var(--card); padding: 6px 10px; margin: 8px 0;
  overflow-wrap: anywhere; }
nav a { color: inherit; margin-right: 14px; }
.text { max-height: 6em; overflow: auto; margin: 0 0 10px; overflow-wrap: anywhere; white-space: pre-wrap;
  font: 13px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.draws { display: flex; flex-wrap: wrap; gap: 12px; }
.wide svg { display: block; }
.charts .wide svg { max-width: 100%; height: auto; }
.scale { display: inline-block; width: 120px; height: 10px; border: 1px solid var(--line); }"""
_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style
</style>
</head>
<body>
<h1>$title</h1>
$body
</body>
</html>
""")
_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(e[-+]?\d+)?( ± .*| to .*| %)?")


@dataclass(frozen=True)
class Chart:
    """A chart as SVG, with its caption, which also describes it to readers who do not see it."""

    caption: str
    svg: str


def page(title: str, body: Iterable[str], style: str = "") -> str:
    """Return the whole page; ``style`` are rules of its own."""
    return _PAGE.substitute(title=visible(title), style=f"{STYLE}\n{style}".strip(), body="\n".join(body))


def section(title: str, parts: Sequence[str], level: int = 2, anchor: str = "") -> str:
    """Return a section, nothing if it has no parts."""
    kept = [part for part in parts if part]
    mark = f' id="{escape(anchor)}"' if anchor else ""
    return (
        f"<section{mark}>\n<h{level}>{visible(title)}</h{level}>\n" + "\n".join(kept) + "\n</section>"
        if kept
        else ""
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names and values."""
    listed = "\n".join(f"<dt>{visible(name)}</dt><dd>{visible(value)}</dd>" for name, value in pairs)
    return f"<dl>\n{listed}\n</dl>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells with numbers are aligned on the right."""
    titles = "".join(f"<th>{visible(title)}</th>" for title in head)
    lines = "\n".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f'<div class="wide"><table>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>'


def charts(drawn: Iterable[Chart]) -> str:
    """Return charts side by side, as pictures inside the page."""
    figures = "\n".join(map(_figure, drawn))
    return f'<div class="charts">\n{figures}\n</div>' if figures else ""


def drawing(caption: str, svg: str) -> str:
    """Return a drawing by a renderer, which is part of the page."""
    return f'<figure><figcaption>{visible(caption)}</figcaption>\n<div class="wide">{svg}</div></figure>\n'


def warnings(sentences: Iterable[str]) -> str:
    """Return a box for each sentence."""
    return "\n".join(f'<p class="warning"><b>Warning:</b> {visible(sentence)}.</p>' for sentence in sentences)


def remark(sentence: str) -> str:
    """Return a quiet paragraph."""
    return f'<p class="quiet">{visible(sentence)}</p>'


def written(text: str) -> str:
    """Return the text of a row, which scrolls if it is long; nothing for an empty one."""
    return f'<p class="text">{visible(text)}</p>' if text else ""


def side_by_side(drawings: Iterable[str]) -> str:
    """Return drawings in lines; nothing without any."""
    joined = "".join(drawings)
    return f'<div class="draws">{joined}</div>' if joined else ""


def colour_scale(*colours: str) -> str:
    """Return a strip that runs through colours of a style sheet, for a legend."""
    return f'<span class="scale" style="background: linear-gradient(to right, {", ".join(colours)})"></span>'


def visible(text: str) -> str:
    """Escape text for HTML; control characters, which a page must not hold, become replacement characters."""
    return escape(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", text))


def _figure(chart: Chart) -> str:
    data = base64.b64encode(chart.svg.encode()).decode()
    caption = visible(chart.caption)
    picture = f'<img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
    return f"<figure><figcaption>{caption}</figcaption>\n{picture}</figure>"


def _cell(text: str) -> str:
    kind = ' class="number"' if _NUMBER.fullmatch(text) else ""
    return f"<td{kind}>{visible(text)}</td>"
