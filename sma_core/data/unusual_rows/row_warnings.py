"""Sentences on rows that are unusual as a whole: sequences of one position, few held-out rows."""

from __future__ import annotations

from sma_core.data.store.store import Store
from sma_core.printable import counted

FEW_HELD_OUT = 30
"""With fewer held-out rows, their loss has a caveat."""
ONE_POSITION = (
    "every sequence has one position, of which nothing can be hidden and reconstructed: if each line of the file "
    "is a whole sequence, with a column for each position, read it as a table (data.reader=table)"
)


def single_positions(store: Store) -> list[str]:
    """Return a sentence if all rows are sequences of one position, as when a wide table is read as a long one."""
    if not store.metadata.sequences or not len(store) or int(store.lengths.max()) > 1:
        return []
    return [ONE_POSITION]


def few_held_out(rows: int) -> list[str]:
    """Return a sentence if the held-out loss is that of few ``rows``."""
    if rows >= FEW_HELD_OUT:
        return []
    return [
        f"the held-out loss rests on {counted(rows, 'row')}, so that it may be far from that of other rows: give "
        "more rows, or a larger share of them with data.held_out"
    ]
