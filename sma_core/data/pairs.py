"""Rows of two texts, such as pairs of sentences, which the tokenizer's separator joins.

A pair is one string with a NUL between its texts; readers reject texts that hold a NUL themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from sma_core.config.settings import split_names
from sma_core.errors import DataError

MARK = "\0"
SHOWN = "\t"
"""Stands between the texts of a pair where a row is written or printed."""


def parts_of(text: str) -> list[str]:
    r"""Return the texts of a row: one, or those of a pair.

    >>> parts_of("one"), parts_of("one\0two")
    (['one'], ['one', 'two'])
    """
    return text.split(MARK)


def shown(text: str) -> str:
    """Return a row as it is written or printed, with a tab between the texts of a pair."""
    return text.replace(MARK, SHOWN)


def columns_of(column: str | None) -> tuple[str | None, ...]:
    """Return the one or two names of the setting ``data.column``; raises `DataError` for more.

    >>> columns_of("sentence1,sentence2"), columns_of('"one, quoted"'), columns_of(None)
    (('sentence1', 'sentence2'), ('one, quoted',), (None,))
    """
    names: list[str] = [] if column is None else split_names(column)
    if len(names) > 2:
        raise DataError(f"data.column={column} names {len(names)} columns: an input is one text, or a pair of two")
    return tuple(names) or (None,)


def is_pair(column: str | None) -> bool:
    """Return whether the setting ``data.column`` names two columns."""
    return len(columns_of(column)) == 2


def flattened(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the texts of all rows one after the other, and how many each row has."""
    parts = [parts_of(text) for text in texts]
    return [text for row in parts for text in row], [len(row) for row in parts]


def regrouped(items: Iterable[str], counts: Sequence[int]) -> list[str]:
    """Return rows of texts that `flattened` gave."""
    rest = iter(items)
    return [MARK.join(islice(rest, count)) for count in counts]
