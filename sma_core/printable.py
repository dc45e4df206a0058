"""Make text that came from files and names safe to show, and write counts with their nouns."""

from __future__ import annotations

import unicodedata

from sma_core.urls import without_secrets

LONGEST = 2000
"""Characters of a message that are shown."""
_UNSAFE = frozenset(("Cc", "Cs", "Zl", "Zp"))
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that reorder the text around them."""


def printable(text: str) -> str:
    """Replace control characters, but not line ends and tabs, by escapes that begin with a backslash."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(_escaped(letter) if _is_unsafe(letter) else letter for letter in text)


def shortened(text: str, longest: int = LONGEST) -> str:
    """Leave out the middle of a text beyond ``longest`` characters."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} … ({len(text) - longest:,} characters left out) … {text[-half:]}"


def message_text(text: object, longest: int = LONGEST) -> str:
    """Return a printable message without secrets of URLs; beyond ``longest`` characters its middle is left out."""
    return printable(shortened(without_secrets(str(text)), longest))


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: ``"1 row"``, ``"2,000 rows"``.

    >>> counted(1, "class", "classes"), counted(2000, "row")
    ('1 class', '2,000 rows')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def _is_unsafe(letter: str) -> bool:
    return letter not in "\n\t" and (letter in _DIRECTIONS or unicodedata.category(letter) in _UNSAFE)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
