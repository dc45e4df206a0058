"""Check of protein sequences.

A row is usable if it is not empty and has only upper-case letters of the IUPAC code: the 20 amino acids, U
(selenocysteine), O (pyrrolysine), the ambiguity codes B, J, Z, X, and ``*`` for a stop.
"""

from __future__ import annotations

import re

LETTERS = "ACDEFGHIKLMNPQRSTVWYBJOUXZ*"
GAPS = "-."
NO_RESIDUES = "no residues"

_ALLOWED = LETTERS.encode("ascii")
_NO_GAPS = str.maketrans("", "", GAPS)
_NOT_ALLOWED = re.compile(f"[^{re.escape(LETTERS)}]")


def check_sequences(texts: list[str]) -> list[str | None]:
    """Return for each sequence the reason why it is unusable, or None."""
    return [None if _is_usable(text) else _why_not(text) for text in texts]


def _is_usable(text: str) -> bool:
    """Return whether the text is not empty and has only allowed letters."""
    # Non-ASCII characters become "?", which is not allowed.
    return bool(text) and not text.encode("ascii", "replace").translate(None, _ALLOWED)


def _why_not(text: str) -> str:
    """Return a reason with the first letter that is not allowed."""
    match = _NOT_ALLOWED.search(text)
    if match is None:
        return NO_RESIDUES
    letter, position = match.group(), match.start() + 1
    if letter in GAPS:
        return f"{letter!r} is an alignment gap: position {position}"
    if letter.upper() in LETTERS:
        return f"lower-case letters: {letter!r} at position {position}"
    return f"letter {letter!r} is not an amino acid: position {position}"


def normal_sequences(texts: list[str]) -> list[str]:
    """Return each sequence in upper case and without alignment gaps."""
    return [text.upper().translate(_NO_GAPS) for text in texts]
