"""What a reader yields: a usable row, or a row set aside with the reason.

``number`` is the 1-based number of the data row in its file. A header line is not counted, and a csv
record that spans several lines counts once; in a file of plain lines it is the line number.
"""

from __future__ import annotations

from dataclasses import dataclass

EMPTY = "empty"
NOT_UTF8 = "not valid UTF-8"
NUL_BYTE = "holds a NUL byte"


@dataclass(frozen=True, slots=True)
class Row:
    """One usable row: its text, and the values of the further columns that were asked for, as text."""

    number: int
    text: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One unusable row.

    ``reason`` is ``"kind"`` or ``"kind: details"``; counts of reasons are kept by kind. ``fields`` are empty where
    the row could not be taken apart.
    """

    number: int
    reason: str
    text: str = ""
    fields: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The reason without its details."""
        return self.reason.partition(":")[0]


def row_or_rejected(number: int, text: str, fields: tuple[str, ...] = ()) -> Row | RejectedRow:
    """Return a row of this text without the white space around it, or the reason why it cannot be one.

    Characters that stand for undecodable bytes (error handler ``surrogateescape``) are such a reason.
    """
    text = text.strip()
    if not text:
        return RejectedRow(number, EMPTY, fields=tuple(map(printable, fields)))
    if "\0" in text:
        return RejectedRow(number, NUL_BYTE, printable(text), tuple(map(printable, fields)))
    if not (is_decoded(text) and all(is_decoded(field) for field in fields)):
        return RejectedRow(number, NOT_UTF8, printable(text), tuple(map(printable, fields)))
    return Row(number, text, fields)


def is_decoded(text: str) -> bool:
    """Whether a text holds no stand-in for an undecodable byte."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """Return the text with a replacement character for every undecodable byte."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
