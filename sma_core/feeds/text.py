"""The feed of rows of text, which a tokenizer converts to ids.

Letters: n rows, m usable rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.config import DataConfig, ModelConfig
from sma_core.data import plugin_code
from sma_core.data.batching.batches import MULTIPLE, Batch, collate_encoded
from sma_core.data.batching.epochs import StoreSource, fixed_batches
from sma_core.data.batching.mixing import Mixture
from sma_core.data.batching.packing import Packing
from sma_core.data.pairs import MARK, is_pair, shown
from sma_core.data.preparation.checking import Chunk, check_chunks, split_into_chunks
from sma_core.data.preparation.prepare import Progress
from sma_core.data.preparation.prepared import PrepareRequest
from sma_core.data.preparation.prepared_set import PreparedSet, prepare_set
from sma_core.data.records import RejectedRow, Row, row_or_rejected
from sma_core.data.store.store import Store
from sma_core.data.tokenizers import (
    DiscreteTokenizer,
    EncodedRows,
    select,
    shorten,
    too_long_reasons,
    truncations,
)
from sma_core.data.windows import Windows, check_overlap, split_texts
from sma_core.devices.ranks import Ranks
from sma_core.errors import DataError, PluginError
from sma_core.feeds.feed import Feed, LabelColumns, normalise_name
from sma_core.feeds.named_rows import texts_by_name
from sma_core.feeds.reading import RowReading
from sma_core.feeds.rows import ROWS_IN_CHUNK, ChunkShare, MemoryRows, RowChunk, RowInputs, take_inputs
from sma_core.nn.inputs import DiscreteInputs
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Tokenizer
from sma_core.runs.record import TokenizerRecord
from sma_core.sources.data_sets import Source, cache_folder, has_temporary_cache, open_reader
from sma_core.sources.features import ModelFeatures
from sma_core.sources.reading import read_text
from sma_core.sources.source_set import SourceSet

MEMBERS = ("name", "version", "vocabulary_size", "pad_id", "separator_id", "mask_id", "encode", "decode")
"""Attributes and methods of a tokenizer."""


@dataclass(frozen=True)
class TextFeed:
    """Converts rows of text to ids with ``tokenizer``; implements `sma_core.feeds.feed.Feed`."""

    tokenizer: DiscreteTokenizer

    unit = "ids"
    columns = ()
    features = ModelFeatures()

    @classmethod
    def of(cls, registry: Registry, name: str | None = None) -> TextFeed:
        """Build the feed of the tokenizer ``name``; arguments and errors as in `build_tokenizer`."""
        return cls(build_tokenizer(registry, name))

    @property
    def inputs(self) -> DiscreteInputs:
        """Discrete inputs of the tokenizer's vocabulary size."""
        return DiscreteInputs(self.tokenizer.vocabulary_size)

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, version and size of the tokenizer."""
        return tuple(self._record().model_dump().values())

    def warnings(self, config: DataConfig, model: ModelConfig, missing: bool = True) -> list[str]:
        """Return nothing: texts have no features."""
        return []

    def other_rows(self, model: ModelConfig) -> None:
        """Return None: texts have no features."""

    def record(self) -> dict[str, Any]:
        """Return the tokenizer's entry in ``model.json``."""
        return {"tokenizer": self._record()}

    def _record(self) -> TokenizerRecord:
        return TokenizerRecord(
            name=self.tokenizer.name,
            version=self.tokenizer.version,
            vocabulary_size=self.tokenizer.vocabulary_size,
        )

    def check(self, recorded: TokenizerRecord) -> None:
        """Raise `PluginError` when the tokenizer differs from ``recorded``, that of a trained model."""
        current = self._record()
        if current != recorded:
            raise PluginError(
                f"the model was trained with the tokenizer {recorded.name} version {recorded.version} "
                f"({recorded.vocabulary_size} ids), but {current.name} version {current.version} "
                f"({current.vocabulary_size} ids) is installed: install the version of the plugin that the "
                "model was trained with"
            )

    def check_packing(self, config: DataConfig) -> None:
        """Do nothing: rows of text support every packing."""

    def prepare(
        self,
        registry: Registry,
        sources: SourceSet,
        config: DataConfig,
        max_length: int,
        labels: LabelColumns | None = None,
        progress: Progress | None = None,
        grid: tuple[int, ...] | None = None,
    ) -> PreparedSet:
        """Prepare a set of files, or return the cached result; with ``labels``, raw texts are stored too."""
        columns = labels or LabelColumns(())
        if config.window_overlap is not None:
            self.check_windows(config.window_overlap, max_length)
        requests = [
            PrepareRequest(
                source=source.file,
                reader=open_reader(registry, source),
                reader_name=source.reader.name,
                tokenizer=self.tokenizer,
                cache=cache_folder() / "prepared",
                max_length=max_length,
                column=source.column,
                options=source.options,
                usual_columns=registry.domain.columns,
                truncate=config.truncate,
                window_overlap=config.window_overlap,
                check=registry.domain.check if config.check_rows else None,
                normalise=normalise_name(registry, config),
                max_rejected=config.max_rejected,
                shard_rows=config.shard_rows,
                fresh=config.fresh,
                temporary=has_temporary_cache(),
                targets=columns.targets,
                label_form=columns.form,
                label_values=columns.values,
                extras=columns.extras,
                position_mask=columns.position_mask if columns.form == "symbols" else None,
                keep_text=labels is not None,
                processes=config.processes,
            )
            for source in sources.sources
        ]
        return prepare_set(requests, sources.label, progress)

    def fitted(self, store: Store, rows: NDArray[np.int64], where: str) -> Feed:
        """Return this feed: ids need no statistics."""
        return self

    def batches(
        self,
        store: Store,
        batch_size: int,
        max_length: int,
        seed: int,
        rows: NDArray[np.int64] | Mixture,
        ranks: Ranks,
        packing: Packing = "single",
    ) -> StoreSource:
        """Return a source of shuffled batches of ``rows`` of ``store``; each rank gets a share of every batch."""
        pad = self.tokenizer.pad_id
        return StoreSource(
            store, batch_size, max_length, pad, seed, packing, rows, rank=ranks.rank, ranks=ranks.size
        )

    def fixed_batches(
        self, store: Store, rows: NDArray[np.int64], batch_size: int, max_length: int
    ) -> Sequence[Batch]:
        """Return batches of ``rows`` in a fixed order, for evaluation."""
        return fixed_batches(store, rows, batch_size, self.tokenizer.pad_id, max_length)

    def read_file(
        self, reading: RowReading, source: Source, columns: Sequence[str], share: ChunkShare
    ) -> Iterator[RowChunk]:
        """Stream the rows of one file, checked and tokenized as in training, with further ``columns``."""
        check, normalise, fields = reading.check(), reading.normalise(), tuple(columns)
        read = read_text(
            reading.registry, source, check, processes=1, fields=fields, share=share, normalise=normalise
        )
        for chunk in read:
            yield self._chunk(reading, chunk, fields, source.reader.names_rows)

    def read_memory(self, reading: RowReading, rows: MemoryRows) -> Iterator[RowChunk]:
        """Stream texts in memory, or a table's column of them; raises `DataError` when a row is not a string."""
        rows = texts_by_name(rows, reading.data.column, reading.registry.domain.columns)
        texts, strip = _texts(rows, is_pair(reading.data.column)), reading.data.strip
        records = (_row(number, parts, strip) for number, parts in enumerate(texts, start=1))
        chunks = split_into_chunks(records, ROWS_IN_CHUNK)
        for chunk in check_chunks(chunks, reading.check(), 1, reading.normalise()):
            yield self._chunk(reading, chunk)

    def _chunk(
        self, reading: RowReading, chunk: Chunk, fields: Sequence[str] = (), named: bool = False
    ) -> RowChunk:
        """Encode usable rows, split, truncate or reject long ones, and merge usable and rejected rows in order."""
        numbers = [row.number for row in chunk.rows]
        ids = plugin_code.encode(self.tokenizer, [row.text for row in chunk.rows], numbers)
        reasons = {row.number: row.reason for row in chunk.rejected}
        overlap, longest, separator = reading.window_overlap, reading.max_length, self.tokenizer.separator_id
        if overlap is None and not reading.data.truncate:
            too_long = too_long_reasons(ids, longest)
            reasons |= {chunk.rows[index].number: reason for index, reason in too_long.items()}
            ids = select(ids, np.setdiff1d(np.arange(len(ids)), list(too_long))) if too_long else ids
        merged: list[Row | RejectedRow] = sorted([*chunk.rows, *chunk.rejected], key=lambda row: row.number)
        listed = [reasons.get(row.number) for row in merged]
        usable = np.array([index for index, reason in enumerate(listed) if reason is None], dtype=np.int64)
        truncated: dict[int, str] = {}
        windows: Windows | None = None
        if overlap is not None:
            ids, windows = split_texts(ids, longest, overlap, separator)
        else:
            truncated = {int(usable[index]): text for index, text in truncations(ids, longest).items()}
            ids = shorten(ids, longest, separator)
        cells = [row.fields or ("",) * len(fields) for row in merged]
        return RowChunk(
            [row.number for row in merged],
            [shown(row.text) for row in merged],
            listed,
            usable,
            ids,
            [row.name or "" for row in merged] if named else None,
            truncated,
            [shown((row.written if isinstance(row, Row) else None) or row.text) for row in merged],
            {name: [row[index] for row in cells] for index, name in enumerate(fields)},
            windows,
        )

    def check_windows(self, overlap: int, max_length: int) -> None:
        """Raise `UserError` when windows of ``max_length`` ids cannot share ``overlap`` ids."""
        check_overlap(overlap, max_length, separators=1)

    def padded_lengths(self, inputs: RowInputs) -> NDArray[np.int64]:
        """Return the number of ids (m,) of each row, rounded up to a multiple of `MULTIPLE`."""
        assert isinstance(inputs, EncodedRows), "texts are encoded"
        return -(-inputs.lengths // MULTIPLE) * MULTIPLE

    def batch(self, inputs: RowInputs, places: NDArray[np.int64], max_length: int) -> Batch:
        """Collate the rows at ``places`` of ``inputs``."""
        ids = take_inputs(inputs, places)
        assert isinstance(ids, EncodedRows), "texts are encoded"
        return collate_encoded(ids, self.tokenizer.pad_id, max_length=max_length)


def build_tokenizer(registry: Registry, name: str | None) -> DiscreteTokenizer:
    """Build the tokenizer ``name`` (None: the domain's default); raises `PluginError` when there is none."""
    name = name or registry.domain.tokenizer
    if name is None:
        raise PluginError(f"the domain {registry.name!r} has rows of numbers, which need no tokenizer")
    return create_tokenizer(registry, registry.find(Tokenizer, name))


def create_tokenizer(registry: Registry, spec: Tokenizer) -> DiscreteTokenizer:
    """Create the tokenizer of a spec; raises `PluginError` when it lacks an attribute or a method."""
    tokenizer: DiscreteTokenizer = registry.build(spec)()
    missing = [name for name in MEMBERS if not hasattr(tokenizer, name)]
    if missing:
        raise PluginError(
            f"the tokenizer {spec.name!r} of {registry.provider(spec)} has no {', '.join(missing)}: its factory "
            f"must give an object with {', '.join(MEMBERS)}"
        )
    return tokenizer


def _row(number: int, parts: Sequence[str], strip: bool) -> Row | RejectedRow:
    """Return a row of one text, or of the two of a pair; unusable if one of them is."""
    records = [row_or_rejected(number, part, strip=strip) for part in parts]
    unusable = next((record for record in records if isinstance(record, RejectedRow)), None)
    return unusable or Row(number, MARK.join(record.text for record in records))


def _texts(rows: MemoryRows, pairs: bool) -> list[tuple[str, ...]]:
    """Return the one or two texts of each row; raises `DataError` for other rows, and one text for ``pairs``."""
    if isinstance(rows, str):
        raise DataError("give a list of strings, not one string")
    texts = []
    for number, row in enumerate(rows, start=1):
        parts = tuple(row) if isinstance(row, tuple | list) else (row,)
        if not all(isinstance(part, str) for part in parts) or len(parts) > 2:
            raise DataError(f"row {number} is not a string, but this model reads text: give a list of strings")
        if pairs and len(parts) != 2:
            raise DataError(f"row {number} is one text, but the model was trained on pairs: give tuples of two")
        texts.append(tuple(map(str, parts)))
    return texts
