"""Stream the rows of a source without storing them: checked text, or blocks of numbers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from sma_core.config import DataConfig
from sma_core.data import plugin_code
from sma_core.data.blocks import Block
from sma_core.data.plugin_code import Check, Normalise
from sma_core.data.preparation.checking import Chunk, check_chunks, split_into_chunks
from sma_core.data.readers.features import rejected_rows
from sma_core.data.records import EMPTY, RejectedRow
from sma_core.data.remote.files import local_copy
from sma_core.data.scaling import without_sentinels
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import Source, open_reader

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
    normalise: Normalise | None = None,
) -> Generator[Chunk, None, None]:
    """Stream rows of text, including rejected ones; ``rows`` limits their number.

    ``fields`` are further columns to read. With ``share``, a rank reads and checks only its own chunks. Rows
    are in the normal form of ``normalise``.
    """
    reader, usual = open_reader(registry, source), registry.domain.columns
    with local_copy(source.file) as path:
        records = plugin_code.read_texts(reader, path, source.column, fields, usual=usual, **source.options)
        read_chunks = split_into_chunks(islice(records, rows), ROWS_IN_CHUNK)
        own = read_chunks if share is None else share.own(read_chunks, _last_row)
        yield from check_chunks(own, check, processes, normalise)


def _last_row(chunk: Chunk) -> int:
    return max([row.number for row in chunk.rows[-1:]] + [row.number for row in chunk.rejected[-1:]])


def sentinels_of(registry: Registry, config: DataConfig) -> tuple[float, ...]:
    """Return the numbers that mean a missing value: those of the settings, else the domain's."""
    return registry.domain.sentinels if config.sentinels is None else config.sentinels


def read_values(
    registry: Registry,
    source: Source,
    config: DataConfig,
    fields: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
) -> Generator[Block | RejectedRow, None, None]:
    """Stream rows of numbers as float32, with sentinels as NaN; rows without any number are rejected.

    ``fields`` are further columns to read, ``exclude`` others that are not features. Rejected rows come
    before the block that contains them.
    """
    reader, names = open_reader(registry, source), source.names
    with local_copy(source.file) as path:
        chosen = (source.columns, fields, exclude)
        for record in plugin_code.read_blocks(reader, path, *chosen, names=names, **source.options):
            if isinstance(record, RejectedRow):
                yield record
                continue
            values = record.values.astype(np.float32, copy=False)
            known = replace(record, values=without_sentinels(values, sentinels_of(registry, config)))
            empty = known.empty
            yield from rejected_rows(record, dict.fromkeys(np.flatnonzero(empty).tolist(), EMPTY))
            yield known.take(np.flatnonzero(~empty))


def check_header(registry: Registry, source: Source, config: DataConfig) -> int | None:
    """Read the first row of a local file, and return the number of channels if it is a sequence of vectors.

    Raises `DataError` when the file lacks a column or is not readable.
    """
    if isinstance(source.file, Path):
        excluded = () if source.columns else config.exclude or ()
        blocks = source.reader.reads == "blocks"
        rows = (
            read_values(registry, source, config, (), excluded)
            if blocks
            else read_text(registry, source, None, 1, 1)
        )
        with closing(rows):
            first = next((row for row in rows if not isinstance(row, RejectedRow)), None)
        if isinstance(first, Block) and first.offsets is not None:
            return int(first.values.shape[1])
    return None
