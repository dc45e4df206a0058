"""The rows of a source, read in one way by every verb that stores nothing: in chunks, in order, in bounded memory.

`read_text` and `read_values` give what a source holds; a `RowReading` makes of it what a trained network reads,
every row in its place, and says of those that cannot be used why.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sma_core.config import DataConfig
from sma_core.data.blocks import Block
from sma_core.data.checking import Check, CheckFunction, Chunk, checked, chunks
from sma_core.data.records import EMPTY, RejectedRow, Row
from sma_core.data.scaling import without_sentinels
from sma_core.data.tokenizers import Encoded, select, shorten
from sma_core.plugins.references import resolve
from sma_core.plugins.registry import Registry
from sma_core.verbs.datasets import Source, find_source

if TYPE_CHECKING:  # it brings torch, which whoever only looks at rows can do without
    from sma_core.verbs.feeds import Feed

ROWS_IN_CHUNK = 4096


def read_text(
    registry: Registry, source: Source, check: Check | None, processes: int | None, rows: int | None = None
) -> Generator[Chunk, None, None]:
    """Stream rows of text, and those that are none or fail the check; with ``rows`` the first ones only."""
    read = registry.build(source.reader)
    records = iter(read(source.path, source.column, (), usual=registry.domain.columns))
    return checked(chunks(islice(records, rows), ROWS_IN_CHUNK), check, processes)


def read_values(registry: Registry, source: Source) -> Iterator[Block | RejectedRow]:
    """Stream rows of numbers, NaN where a sentinel stands; rows with no number at all are set aside.

    Rows set aside come before the block they stand in.
    """
    read = registry.build(source.reader)
    for record in read(source.path, source.columns, (), names=source.names):
        if isinstance(record, RejectedRow):
            yield record
            continue
        values = without_sentinels(record.values, registry.domain.sentinels)
        empty = np.isnan(values).all(axis=1)
        yield from (RejectedRow(number, EMPTY) for number in record.numbers[empty].tolist())
        yield Block(record.numbers, values, record.fields, record.columns).take(np.flatnonzero(~empty))


@dataclass(frozen=True)
class RowChunk:
    """Some rows of a file, in its order: n rows, of which some cannot be used and say why.

    ``usable`` (m,) are the indices of the others; ``ids`` or ``values`` (m, F) hold what the network reads of
    them.
    """

    numbers: list[int]
    texts: list[str]
    reasons: list[str | None]
    usable: NDArray[np.int64]
    ids: Encoded | None = None
    values: NDArray[np.float32] | None = None

    @property
    def usable_texts(self) -> list[str]:
        """Texts of the usable rows."""
        return [self.texts[at] for at in self.usable.tolist()]


@dataclass(frozen=True)
class RowReading:
    """How rows become what a trained network reads: the domain's check, the feed, and the run's length rule."""

    registry: Registry
    feed: Feed
    data: DataConfig
    max_length: int

    def source(self, data: str | Path, column: str | None = None, reader: str | None = None) -> Source:
        """Find the rows that the user named, with the features that the model reads."""
        scale = self.feed.scale
        config = DataConfig(
            source=str(data), column=column, columns=scale.columns if scale else None, reader=reader
        )
        return find_source(self.registry, config)

    def chunks(self, source: Source) -> Iterator[RowChunk]:
        """Stream the rows of ``source``, every one in its place."""
        if self.feed.scale is not None:
            yield from self._value_chunks(source)
            return
        for chunk in read_text(self.registry, source, self._check(), processes=1):
            yield self._text_chunk(chunk)

    def _check(self) -> CheckFunction | None:
        """Import the domain's check, where the run asks for it."""
        if self.registry.domain.check is None or not self.data.check_rows:
            return None
        function: CheckFunction = resolve(self.registry.domain.check, f"the domain {self.registry.name!r}")
        return function

    def _text_chunk(self, chunk: Chunk) -> RowChunk:
        """Encode the usable rows, apply the length rule as in training, and put all rows into one order."""
        tokenizer = self.feed.tokenizer
        assert tokenizer is not None, "text is read by a model with a tokenizer"
        ids = tokenizer.encode([row.text for row in chunk.rows])
        reasons = {row.number: row.reason for row in chunk.rejected}
        if not self.data.truncate:
            too_long = np.flatnonzero(ids.lengths > self.max_length).tolist()
            for at in too_long:
                reasons[chunk.rows[at].number] = f"too long: {ids.lengths[at]} > {self.max_length}"
            ids = select(ids, np.setdiff1d(np.arange(len(ids)), too_long)) if too_long else ids
        together: list[Row | RejectedRow] = sorted([*chunk.rows, *chunk.rejected], key=lambda row: row.number)
        listed = [reasons.get(row.number) for row in together]
        usable = np.array([at for at, reason in enumerate(listed) if reason is None], dtype=np.int64)
        shorter = shorten(ids, self.max_length, tokenizer.separator_id)
        return RowChunk([row.number for row in together], [row.text for row in together], listed, usable, shorter)

    def _value_chunks(self, source: Source) -> Iterator[RowChunk]:
        assert self.feed.scale is not None, "numbers are read by a model with a scale"
        aside: list[RejectedRow] = []
        for record in read_values(self.registry, source):
            if isinstance(record, RejectedRow):
                aside.append(record)
                continue
            self.feed.scale.check_columns(record.names(source.columns), source.label)
            yield _value_chunk(record.numbers, record.values, aside)
            aside = []
        if aside:
            width = len(self.feed.scale.columns)
            yield _value_chunk(np.zeros(0, dtype=np.int64), np.zeros((0, width), dtype=np.float32), aside)


def _value_chunk(numbers: NDArray[np.int64], values: NDArray[np.float32], aside: list[RejectedRow]) -> RowChunk:
    """Put a block's rows and those set aside in it into one order."""
    reasons = {row.number: row.reason for row in aside}
    together = sorted([*numbers.tolist(), *reasons])
    usable = np.array([at for at, number in enumerate(together) if number not in reasons], dtype=np.int64)
    listed = [reasons.get(number) for number in together]
    return RowChunk(together, [""] * len(together), listed, usable, None, values)
