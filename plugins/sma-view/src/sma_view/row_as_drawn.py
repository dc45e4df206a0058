"""Rows of a file as pages and renderers take them: their names, texts, pieces, features and values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.batches import Batch
from sma_core.data.sequences import Sequences
from sma_core.data.tokenizers import text_of, text_of_ids
from sma_core.errors import DataError
from sma_core.feeds.rows import RowChunk
from sma_core.feeds.text import TextFeed
from sma_core.models.loaded_run import LoadedRun
from sma_core.plugins.drawn_row import DrawnRow
from sma_core.sources.source_set import SourceSet


def named_chunks(run: LoadedRun, source: SourceSet, identifier: str | None) -> Iterator[RowChunk]:
    """Stream the rows with their names: those of the column ``identifier``, else of a usual column."""
    usual = () if identifier else source.first.reader.identifiers
    for name in usual:
        chunks = run.reading.chunks(source, name)
        try:
            first = next(chunks, None)
        except DataError:  # the file has no such column
            continue
        if first is not None:
            yield first
        yield from chunks
        return
    yield from run.reading.chunks(source, identifier)


def name_of(chunk: RowChunk, index: int) -> str:
    """Return the identifier of a row; empty if it has none."""
    return "" if chunk.names is None else chunk.names[index]


def text_of_row(chunk: RowChunk, index: int) -> str:
    """Return the text of a row; empty for rows of numbers."""
    return "" if chunk.texts is None else chunk.texts[index]


def ids_of(batch: Batch, row: int = 0) -> NDArray[Any]:
    """Return the ids (N,) of the ``row``-th row of a batch of text, without padding."""
    ids: NDArray[Any] = batch.inputs[row, : int(batch.padding_mask[row].sum())].cpu().numpy()
    return ids


def as_drawn(
    run: LoadedRun, chunk: RowChunk, place: int, batch: Batch, with_pieces: bool = True, row: int = 0
) -> DrawnRow:
    """Return the ``place``-th usable row as a renderer takes it, with nothing hidden and no importance yet.

    It is the ``row``-th of ``batch``. Pieces of a text take time quadratic in its length: without
    ``with_pieces`` there are none.
    """
    if isinstance(run.feed, TextFeed):
        ids, tokenizer = ids_of(batch, row), run.feed.tokenizer
        pieces = text_of_ids(tokenizer, ids) if with_pieces else ()
        return DrawnRow(importance=(), text=text_of(tokenizer, ids), pieces=pieces)
    values = chunk.inputs
    if isinstance(values, Sequences):
        return sequence_as_drawn(values[place].tolist(), run.features, run.model.grid or ())
    assert isinstance(values, np.ndarray), "other feeds give numbers"
    return DrawnRow(importance=(), features=run.features, values=tuple(values[place].tolist()))


def sequence_as_drawn(
    vectors: Sequence[Sequence[float]],
    channels: tuple[str, ...],
    grid: tuple[int, ...],
    importance: tuple[float, ...] = (),
    prefix: str = "",
) -> DrawnRow:
    """Return a sequence of ``vectors`` (N, C) as a renderer takes it, with nothing hidden."""
    return DrawnRow(
        importance=importance,
        features=tuple(f"position {number}" for number in range(1, len(vectors) + 1)),
        channels=channels,
        vectors=tuple(map(tuple, vectors)),
        grid=grid,
        prefix=prefix,
    )
