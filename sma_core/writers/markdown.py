"""Parts of model cards in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sma_core.data.preparation.prepared import PrepareSummary
from sma_core.sources.source_set import SourceSet

MOST_REASONS = 5
"""Maximum number of rejection reasons in a card."""


def sections(parts: dict[str, str]) -> str:
    """Return titles with their texts; the first is the title of the card."""
    marks = ["#", *["##"] * (len(parts) - 1)]
    texts = [f"{mark} {title}\n\n{text}\n" for mark, (title, text) in zip(marks, parts.items(), strict=True)]
    return "\n".join(texts)


def data_section(source: SourceSet, summary: PrepareSummary, more: Sequence[tuple[str, str]] = ()) -> str:
    """Return a table of the origin and numbers of rows, with ``more`` lines, and the reasons of rejected rows."""
    spec = source.first.spec
    rows = [("rows from", f"`{source.label}`" + (f": {spec.summary}" if spec else ""))]
    rows += [("source", spec.source), ("licence", spec.licence)] if spec else [("licence", "unknown")]
    rows += [("rows in the file", f"{summary.rows:,}"), ("rejected rows", f"{summary.rejected:,}"), *more]
    text = table(("", ""), rows)
    if summary.rejected:
        reasons = sorted(summary.reasons.items(), key=lambda item: -item[1])[:MOST_REASONS]
        listed = ", ".join(f"{reason} ({count:,})" for reason, count in reasons)
        text += f"\n\nReasons for rejected rows: {listed}. `rejected.jsonl` lists all of them."
    return text


def warning_paragraphs(warnings: Sequence[str]) -> str:
    """Return a paragraph for each warning."""
    return "".join(f"\n\n**Warning:** {sentence}." for sentence in warnings)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; line breaks and bars in cells are replaced."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in line) + " |" for line in lines
    )


def in_code(names: Sequence[str], most: int = 20) -> str:
    """Return names as code, at most ``most`` of them."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(f"`{name}`" for name in names[:most]) + more


def number(value: float) -> str:
    """Return a figure with four digits, or a dash if it is undefined."""
    return "-" if math.isnan(value) else f"{value:.4g}"
