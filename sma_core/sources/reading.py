"""Stream the rows of a source without storing them: checked text, or blocks of numbers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np

from sma_core.data import plugin_code
from sma_core.data.blocks import Block
from sma_core.data.plugin_code import Check
from sma_core.data.preparation.checking import Chunk, check_chunks, split_into_chunks
from sma_core.data.records import EMPTY, RejectedRow, Row
from sma_core.data.remote.files import local_copy
from sma_core.data.scaling import without_sentinels
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import Source

ROWS_IN_CHUNK = 4096
T = TypeVar("T")


@dataclass
class ChunkShare:
    """Assigns the chunks of all files to ranks round-robin; ``rows`` counts the rows of the current file."""

    rank: int = 0
    ranks: int = 1
    chunks: int = 0
    rows: int = 0

    def own(self, chunks: Iterable[T], last_row: Callable[[T], int]) -> Iterator[T]:
        """Yield this rank's chunks of one file; ``last_row`` gives the number of a chunk's last row."""
        self.rows = 0
        for chunk in chunks:
            self.rows = last_row(chunk)
            is_own = self.chunks % self.ranks == self.rank
            self.chunks += 1
            if is_own:
                yield chunk


def read_text(
    registry: Registry,
    source: Source,
    check: Check | None,
    processes: int | None,
    rows: int | None = None,
    fields: tuple[str, ...] = (),
    share: ChunkShare | None = None,
) -> Generator[Chunk, None, None]:
    """Stream rows of text, including rejected ones; ``rows`` limits their number.

    ``fields`` are further columns to read. With ``share``, a rank reads and checks only its own chunks.
    """
    reader = registry.build(source.reader)
    with local_copy(source.file) as path:
        records = plugin_code.read(reader, Row, path, source.column, fields, usual=registry.domain.columns)
        read_chunks = split_into_chunks(islice(records, rows), ROWS_IN_CHUNK)
        own = read_chunks if share is None else share.own(read_chunks, _last_row)
        yield from check_chunks(own, check, processes)


def _last_row(chunk: Chunk) -> int:
    return max([row.number for row in chunk.rows[-1:]] + [row.number for row in chunk.rejected[-1:]])


def read_values(registry: Registry, source: Source, fields: tuple[str, ...] = ()) -> Iterator[Block | RejectedRow]:
    """Stream rows of numbers, with sentinels as NaN; rows without any number are rejected.

    ``fields`` are further columns to read. Rejected rows come before the block that contains them.
    """
    reader = registry.build(source.reader)
    with local_copy(source.file) as path:
        for record in plugin_code.read(reader, Block, path, source.columns, fields, names=source.names):
            if isinstance(record, RejectedRow):
                yield record
                continue
            values = without_sentinels(record.values, registry.domain.sentinels)
            empty = np.isnan(values).all(axis=1)
            yield from (RejectedRow(number, EMPTY) for number in record.numbers[empty].tolist())
            yield Block(record.numbers, values, record.fields, record.columns).take(np.flatnonzero(~empty))
