"""Markdown tables and number formats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.timing import Spread


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a Markdown table; the first ``left`` columns are left-aligned, the others right-aligned."""
    rules = ["---" if column < left else "---:" for column in range(len(columns))]
    return "\n".join("| " + " | ".join(line) + " |" for line in (columns, rules, *rows))


def milliseconds(spread: Spread) -> str:
    """Format seconds as ``median (first to third quartile)`` in milliseconds."""
    digits = 1 if spread.median < 0.1 else 0
    low, median, high = (f"{1e3 * value:,.{digits}f}" for value in (spread.low, spread.median, spread.high))
    return f"{median} ({low} to {high})"


def number(value: float) -> str:
    """Format a number with three significant digits, or as an integer from 100."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
