"""Rows that a reader yields: usable ones, and rejected ones with the reason.

``number`` is the 1-based number of the data row in its file. A header line is not counted, and a csv
record that spans several lines counts once; in a file of plain lines it is the line number.
"""

from __future__ import annotations

from dataclasses import dataclass, field

EMPTY = "empty"
NOT_UTF8 = "not valid UTF-8"
NUL_BYTE = "holds a NUL byte"

MISSING = ("", "nan", "na", "n/a", "#n/a", "<na>", "null", "nil", "?", "missing", "none", "-", "--")
"""Cells in lower case that mean a missing value, in features and labels alike."""
MISSING_CLASSES = frozenset(MISSING) - {"none", "-"}
"""Those of `MISSING` that also mean a missing class; the others may be names of classes."""
MISSING_SPELLINGS = sorted({spelt for cell in MISSING for spelt in (cell, cell.upper(), cell.title())} | {"NaN"})
"""`MISSING` in the usual cases, for parsers that compare cells as they are."""


@dataclass(frozen=True, slots=True)
class Row:
    """A usable row: its text, and the values of the requested further columns as text.

    ``name`` is the identifier that a format without columns gives the row; None if the format has none.
    ``written`` is the text in the file, if its normal form ``text`` differs.
    """

    number: int
    text: str
    fields: tuple[str, ...] = ()
    name: str | None = field(default=None, compare=False)
    written: str | None = None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """An unusable row.

    ``reason`` is ``"kind"`` or ``"kind: details"``; reasons are counted by kind. ``fields`` is empty when the row
    could not be split into columns. ``name`` is as in `Row`.
    """

    number: int
    reason: str
    text: str = ""
    fields: tuple[str, ...] = ()
    name: str | None = field(default=None, compare=False)

    @property
    def kind(self) -> str:
        """The reason without its details."""
        return self.reason.partition(":")[0]


def row_or_rejected(
    number: int, text: str, fields: tuple[str, ...] = (), name: str | None = None, *, strip: bool = True
) -> Row | RejectedRow:
    """Return a `Row` of the text, or a `RejectedRow` when it is blank or not valid text.

    White space around the text is removed, unless ``strip`` is off. Surrogate characters (from the error handler
    ``surrogateescape``) mark undecodable bytes and reject the row.
    """
    text = text.strip() if strip else text
    name = None if name is None else printable(name).strip()
    if not text or text.isspace():
        return RejectedRow(number, EMPTY, "", tuple(map(printable, fields)), name)
    if "\0" in text:
        return RejectedRow(number, NUL_BYTE, printable(text), tuple(map(printable, fields)), name)
    if not (is_decoded(text) and all(is_decoded(field) for field in fields)):
        return RejectedRow(number, NOT_UTF8, printable(text), tuple(map(printable, fields)), name)
    return Row(number, text, fields, name)


def is_decoded(text: str) -> bool:
    """Return whether a text is free of surrogates, which mark undecodable bytes."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """Return the text with every undecodable byte as a replacement character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
