"""The rows of a source, read in one way by every verb that stores nothing: in chunks, in order, in bounded memory.

`read_text` and `read_values` give what a source holds; a `RowReading` makes of it what a trained network reads,
every row in its place, and says of those that cannot be used why.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sma_core.config import DataConfig
from sma_core.data.blocks import Block
from sma_core.data.preparation.checking import Check, CheckFunction, Chunk, checked, chunks
from sma_core.data.readers.features import finite_block
from sma_core.data.records import EMPTY, RejectedRow, Row, row_or_rejected
from sma_core.data.remote.files import here
from sma_core.data.scaling import FeatureScale, without_sentinels
from sma_core.data.tokenizers import Encoded, select, shorten
from sma_core.errors import DataError
from sma_core.plugins.references import resolve
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import Source

if TYPE_CHECKING:  # it brings torch, which whoever only looks at rows can do without
    from sma_core.sources.feeds import Feed
from sma_core.sources.source_set import SourceSet, find_sources

ROWS_IN_CHUNK = 4096
T = TypeVar("T")


@dataclass
class Turns:
    """Ranks take turns at the chunks of all files; each counts them all, and ``rows`` of the file at hand."""

    rank: int = 0
    ranks: int = 1
    seen: int = 0
    rows: int = 0

    def own(self, chunks: Iterable[T], last_row: Callable[[T], int]) -> Iterator[T]:
        """Yield this rank's chunks of one file."""
        self.rows = 0
        for chunk in chunks:
            self.rows = last_row(chunk)
            mine = self.seen % self.ranks == self.rank
            self.seen += 1
            if mine:
                yield chunk


def read_text(
    registry: Registry,
    source: Source,
    check: Check | None,
    processes: int | None,
    rows: int | None = None,
    fields: tuple[str, ...] = (),
    turns: Turns | None = None,
) -> Generator[Chunk, None, None]:
    """Stream rows of text, and those that are none or fail the check; with ``rows`` the first ones only.

    ``fields`` are further columns that come along. With ``turns`` a rank gets its own chunks,
    and checks no others.
    """
    read = registry.build(source.reader)
    with here(source.file) as path:
        records = iter(read(path, source.column, fields, usual=registry.domain.columns))
        found = chunks(islice(records, rows), ROWS_IN_CHUNK)
        yield from checked(found if turns is None else turns.own(found, _last_row), check, processes)


def _last_row(chunk: Chunk) -> int:
    return max([row.number for row in chunk.rows[-1:]] + [row.number for row in chunk.rejected[-1:]])


def read_values(registry: Registry, source: Source) -> Iterator[Block | RejectedRow]:
    """Stream rows of numbers, NaN where a sentinel stands; rows with no number at all are set aside.

    Rows set aside come before the block they stand in.
    """
    read = registry.build(source.reader)
    with here(source.file) as path:
        for record in read(path, source.columns, (), names=source.names):
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
    them. ``names`` are those of an identifier's column, empty where a row could not be taken apart; None when
    none was asked for.
    """

    numbers: list[int]
    texts: list[str]
    reasons: list[str | None]
    usable: NDArray[np.int64]
    ids: Encoded | None = None
    values: NDArray[np.float32] | None = None
    names: list[str] | None = None

    @property
    def usable_texts(self) -> list[str]:
        """Texts of the usable rows."""
        return [self.texts[at] for at in self.usable.tolist()]

    def after(self, rows: int) -> RowChunk:
        """Return these rows as those that follow so many others."""
        return replace(self, numbers=[number + rows for number in self.numbers]) if rows else self

    def cut(self, size: int) -> Iterator[RowChunk]:
        """Yield the rows in chunks of at most ``size``."""
        for begin in range(0, len(self.numbers), size):
            part = slice(begin, begin + size)
            first, last = np.searchsorted(self.usable, (begin, begin + size)).tolist()
            yield RowChunk(
                self.numbers[part],
                self.texts[part],
                self.reasons[part],
                self.usable[first:last] - begin,
                None if self.ids is None else select(self.ids, np.arange(first, last)),
                None if self.values is None else self.values[first:last],
                None if self.names is None else self.names[part],
            )


@dataclass(frozen=True)
class RowReading:
    """How rows become what a trained network reads: the domain's check, the feed, and the run's length rule."""

    registry: Registry
    feed: Feed
    data: DataConfig
    max_length: int

    def source(self, data: str | Path, column: str | None = None, reader: str | None = None) -> SourceSet:
        """Find the rows that the user named, with the features that the model reads."""
        scale = self.feed.scale
        config = DataConfig(
            source=str(data), column=column, columns=scale.columns if scale else None, reader=reader
        )
        return find_sources(self.registry, config)

    def chunks(
        self, sources: SourceSet, identifier: str | None = None, share: tuple[int, int] = (0, 1)
    ) -> Iterator[RowChunk]:
        """Stream the rows of all files, every one in its place; ``identifier`` is a column that comes along.

        Rows count on from file to file. ``share`` is a rank and the number of ranks, which take turns.
        Raises `DataError` when a file cannot be read or cannot give that column.
        """
        before, turns = 0, Turns(*share)
        for source in sources.sources:
            for chunk in self._chunks_of_file(source, identifier, turns):
                yield chunk.after(before)
            before += turns.rows

    def _chunks_of_file(self, source: Source, identifier: str | None, turns: Turns) -> Iterator[RowChunk]:
        if self.feed.scale is not None:
            if identifier is not None:
                raise DataError(
                    f"{source.label} has rows of numbers, which are read in single precision, so the column "
                    f"{identifier!r} would not come out as it is: leave --id away and join on the row numbers"
                )
            yield from turns.own(self._value_chunks(source), lambda chunk: chunk.numbers[-1])
            return
        fields = () if identifier is None else (identifier,)
        for chunk in read_text(self.registry, source, self._check(), processes=1, fields=fields, turns=turns):
            yield self._text_chunk(chunk, identifier is not None)

    def chunks_of(self, rows: Sequence[str] | NDArray[Any]) -> Iterator[RowChunk]:
        """Stream rows in memory: texts, or numbers (n, F) where the model reads numbers.

        Raises `DataError` when they are of the other kind, or have another number of features.
        """
        if self.feed.scale is not None:
            yield from self._array_chunks(rows, self.feed.scale)
            return
        records = (row_or_rejected(at, text) for at, text in enumerate(_texts(rows), start=1))
        for chunk in checked(chunks(records, ROWS_IN_CHUNK), self._check(), processes=1):
            yield self._text_chunk(chunk)

    def _array_chunks(self, rows: Sequence[str] | NDArray[Any], scale: FeatureScale) -> Iterator[RowChunk]:
        values = _numbers(rows, scale)
        numbers = np.arange(1, len(values) + 1)
        for start in range(0, len(values), ROWS_IN_CHUNK):
            part = slice(start, start + ROWS_IN_CHUNK)
            known = without_sentinels(values[part], self.registry.domain.sentinels)
            rejected, block = finite_block(numbers[part], known, (), scale.columns)
            empty = np.isnan(block.values).all(axis=1)
            rejected += [RejectedRow(number, EMPTY) for number in block.numbers[empty].tolist()]
            block = block.take(np.flatnonzero(~empty))
            yield _value_chunk(block.numbers, block.values, rejected)

    def _check(self) -> CheckFunction | None:
        """Import the domain's check, where the run asks for it."""
        if self.registry.domain.check is None or not self.data.check_rows:
            return None
        function: CheckFunction = resolve(self.registry.domain.check, f"the domain {self.registry.name!r}")
        return function

    def _text_chunk(self, chunk: Chunk, named: bool = False) -> RowChunk:
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
        names = [row.fields[0] if row.fields else "" for row in together] if named else None
        numbers, texts = [row.number for row in together], [row.text for row in together]
        return RowChunk(numbers, texts, listed, usable, shorter, names=names)

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


def _texts(rows: Sequence[str] | NDArray[Any]) -> list[str]:
    """Return rows of text as a list; raises `DataError` when they are something else."""
    if isinstance(rows, str):
        raise DataError("give a list of strings, not one string")
    wrong = next((at for at, text in enumerate(rows, start=1) if not isinstance(text, str)), None)
    if wrong is not None:
        raise DataError(f"row {wrong} is no text, but this model reads text: give a list of strings")
    return [str(text) for text in rows]


def _numbers(rows: Sequence[str] | NDArray[Any], scale: FeatureScale) -> NDArray[np.float32]:
    """Return rows of numbers (n, F) in single precision; raises `DataError` when they are something else."""
    wanted = f"this model reads rows of {len(scale.columns)} numbers ({', '.join(scale.columns[:8])}…)"
    try:
        with np.errstate(over="ignore"):
            values = np.asarray(rows, dtype=np.float64).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"{wanted}: give an array of numbers") from error
    if values.ndim != 2 or values.shape[1] != len(scale.columns):
        raise DataError(f"{wanted}, but the array has the shape {values.shape}")
    return values


def _value_chunk(numbers: NDArray[np.int64], values: NDArray[np.float32], aside: list[RejectedRow]) -> RowChunk:
    """Put a block's rows and those set aside in it into one order."""
    reasons = {row.number: row.reason for row in aside}
    together = sorted([*numbers.tolist(), *reasons])
    usable = np.array([at for at, number in enumerate(together) if number not in reasons], dtype=np.int64)
    listed = [reasons.get(number) for number in together]
    return RowChunk(together, [""] * len(together), listed, usable, None, values)
