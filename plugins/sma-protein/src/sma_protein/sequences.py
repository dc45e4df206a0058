"""Which texts are protein sequences.

A row is usable when it has at least one letter and only letters of the IUPAC code in upper case: the 20
amino acids, U (selenocysteine), O (pyrrolysine), the ambiguous B, J, Z, X, and ``*`` for a stop.
"""

from __future__ import annotations

import re

LETTERS = "ACDEFGHIKLMNPQRSTVWYBJOUXZ*"
GAPS = "-."
NO_RESIDUES = "no residues"

_ALLOWED = LETTERS.encode("ascii")
_NOT_ALLOWED = re.compile(f"[^{re.escape(LETTERS)}]")


def check_sequences(texts: list[str]) -> list[str | None]:
    """Tell for each sequence why it cannot be used, or None when it can."""
    return [None if _is_usable(text) else _why_not(text) for text in texts]


def _is_usable(text: str) -> bool:
    """Whether nothing is left when all allowed letters are deleted; other characters become ``?``."""
    return bool(text) and not text.encode("ascii", "replace").translate(None, _ALLOWED)


def _why_not(text: str) -> str:
    """Name the first letter that is not allowed; bad rows are few, so this may take longer."""
    found = _NOT_ALLOWED.search(text)
    if found is None:
        return NO_RESIDUES
    letter, position = found.group(), found.start() + 1
    if letter in GAPS:
        return f"{letter!r} is a gap of an alignment: position {position}"
    if letter.upper() in LETTERS:
        return f"letters in lower case: {letter!r} at position {position}"
    return f"letter {letter!r} is not an amino acid: position {position}"
