"""The page of `sma report`: sections with tables and charts, in one file that needs no network."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from string import Template

from sma_view.page_style import STYLE

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style
h2 { font-size: 19px; border-bottom: 1px solid var(--line); padding-bottom: 4px; }
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


def page(title: str, body: Iterable[str]) -> str:
    """Return the whole page."""
    return _PAGE.substitute(title=visible(title), style=STYLE, body="\n".join(body))


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
