"""Text for a terminal: no control characters, no more than a width."""

from __future__ import annotations


def shortened(text: str, width: int) -> str:
    """Return printable text of at most ``width`` characters."""
    text = printable(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def printable(text: str) -> str:
    """Escape the characters that a terminal would obey or not show."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)
