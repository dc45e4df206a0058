"""Rows of a prepared set as renderers take them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sma_core.data.store.store import Store
from sma_core.data.tokenizers import text_of, text_of_ids
from sma_core.feeds.feed import Feed
from sma_core.feeds.text import TextFeed
from sma_core.plugins.drawn_row import DrawnRow
from sma_view.row_as_drawn import ids_of, sequence_as_drawn

LONGEST_TEXT = 300
MOST_FEATURES = 120
MOST_POSITIONS = 4096
"""Rows with more characters, features or positions are not drawn."""


@dataclass(frozen=True)
class StoredRows:
    """The rows of ``store``, cut to ``longest`` inputs; positions lie on ``grid``, if it has axes."""

    feed: Feed
    store: Store
    longest: int
    grid: tuple[int, ...] = ()

    def number(self, index: int) -> int:
        """Return the number of a row in its file."""
        return self.store.row_number(index)

    def drawn(self, index: int, prefix: str) -> DrawnRow | None:
        """Return row ``index`` with nothing hidden and unknown importance; None if it is too long to draw."""
        rows = np.array([index], dtype=np.int64)
        if isinstance(self.feed, TextFeed):
            (batch,) = self.feed.fixed_batches(self.store, rows, 1, self.longest)
            ids, tokenizer = ids_of(batch), self.feed.tokenizer
            unknown, text = (math.nan,) * len(ids), text_of(tokenizer, ids)
            if len(text) > LONGEST_TEXT:
                return None
            return DrawnRow(importance=unknown, text=text, pieces=text_of_ids(tokenizer, ids), prefix=prefix)
        names = self.feed.columns
        if self.store.metadata.sequences:
            vectors = self.store.sequences(rows)[0][: self.longest].tolist()
            if len(vectors) > MOST_POSITIONS:
                return None
            return sequence_as_drawn(vectors, names, self.grid, (math.nan,) * len(vectors), prefix)
        values = tuple(self.store.values(rows)[0].tolist())
        if len(values) > MOST_FEATURES:
            return None
        return DrawnRow(importance=(math.nan,) * len(values), features=names, values=values, prefix=prefix)
