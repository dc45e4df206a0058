"""The feed of rows of numbers: features in a fixed order, standardised with statistics of the training rows.

Letters: n rows, m usable rows, F features.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.config import DataConfig, ModelConfig
from sma_core.data.batching.batches import Batch, collate_values
from sma_core.data.batching.epochs import StoreSource, fixed_batches
from sma_core.data.batching.mixing import Mixture
from sma_core.data.batching.packing import Packing
from sma_core.data.blocks import Block
from sma_core.data.preparation.prepare import Progress
from sma_core.data.preparation.prepared import ValuesRequest
from sma_core.data.preparation.prepared_set import PreparedSet, prepare_set
from sma_core.data.readers.features import check_grid, feature_names, finite_block, rejected_rows
from sma_core.data.records import EMPTY, RejectedRow
from sma_core.data.scaling import TREATMENTS, FeatureScale, without_sentinels
from sma_core.data.store.store import Store
from sma_core.data.unusual_rows.other_rows import OtherRows
from sma_core.devices.ranks import Ranks
from sma_core.errors import ConfigError, DataError, UserError
from sma_core.feeds.feed import Feed, LabelColumns
from sma_core.feeds.named_rows import features_by_name
from sma_core.feeds.reading import RowReading
from sma_core.feeds.rows import ROWS_IN_CHUNK, ChunkShare, MemoryRows, RowChunk, RowInputs, value_chunk
from sma_core.nn.inputs import ContinuousInputs
from sma_core.plugins.registry import Registry
from sma_core.printable import counted
from sma_core.sources.data_sets import Source, cache_folder, has_temporary_cache, open_reader
from sma_core.sources.features import ModelFeatures
from sma_core.sources.reading import read_values, sentinels_of
from sma_core.sources.source_set import SourceSet

NOT_FEATURES = (
    *("label", "labels", "target", "targets", "y", "class", "is_signal", "signal"),
    *("weight", "weights", "w", "event_weight", "eventweight"),
    *("id", "ids", "index", "event_id", "eventid", "event_number", "eventnumber", "run_number", "runnumber"),
    *("timestamp", "datetime"),
)
"""Names of columns, in lower case, that are probably not features."""
NAMELESS = re.compile(r"column \d+|Unnamed: \d+")
"""Names that a column without a name gets, such as the index of a pandas table."""
CHANNELS = ("y", "w")
"""Those of `NOT_FEATURES` that are usual names of channels of a sequence."""


@dataclass(frozen=True)
class ValueFeed:
    """Standardises rows of numbers with ``scale``, which is None before training; implements `Feed`.

    ``transforms`` are the functions of features, by name, with which a scale is computed.
    """

    scale: FeatureScale | None = None
    transforms: tuple[tuple[str, str], ...] = ()

    unit = "numbers"

    @property
    def inputs(self) -> ContinuousInputs:
        """Continuous inputs with one channel."""
        return ContinuousInputs(1, self.has_missing)

    @property
    def has_missing(self) -> bool:
        """Whether the training rows have missing values; False before they are read."""
        return self.scale is not None and bool(self.scale.missing_shares)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features; empty before training rows are read."""
        return self.scale.columns if self.scale is not None else ()

    @property
    def features(self) -> ModelFeatures:
        """The features, as they are found in files."""
        return ModelFeatures(self.columns, self.unit == "positions")

    @property
    def identity(self) -> tuple[object, ...]:
        """Names of the features."""
        return self.columns

    @property
    def known_scale(self) -> FeatureScale:
        """The scale; raises `DataError` before training rows are read."""
        if self.scale is None:
            raise DataError("the statistics of these features are not known before training")
        return self.scale

    def warnings(self, config: DataConfig, model: ModelConfig, missing: bool = True) -> list[str]:
        """Return sentences on features that tell nothing, or may not be features, and on ``missing`` values."""
        if self.scale is None:
            return []
        suspicious = set(NOT_FEATURES) - set(CHANNELS if self.unit == "positions" else ())
        odd = [name for name in self.columns if name.lower() in suspicious or NAMELESS.fullmatch(name)]
        named = (
            f"features named like labels, weights or identifiers, or not at all: {', '.join(odd)}; leave them "
            "out with data.exclude, or name the features with data.columns"
        )
        treatment = TREATMENTS[model.missing_values] if missing else None
        return [*([named] if odd and not config.columns else []), *self.scale.warnings(treatment)]

    def other_rows(self, model: ModelConfig) -> OtherRows | None:
        """Return an object that compares rows with the training rows of ``model``; None before the training."""
        return None if self.scale is None else OtherRows(self.scale, model.missing_values, self.has_missing)

    def record(self) -> dict[str, Any]:
        """Return the scale's entry in ``model.json``."""
        return {} if self.scale is None else {"scale": self.scale}

    def check_packing(self, config: DataConfig) -> None:
        """Raise `ConfigError` unless ``config.packing`` is ``single``."""
        if config.packing != "single":
            raise ConfigError("data.packing must be single for rows of numbers: they cannot be joined")

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
        """Prepare a set of files, or return the cached result; ``grid`` is as in `Feed`."""
        columns = labels or LabelColumns(())
        requests = [
            replace(values_request(registry, source, config, max_length, columns), grid=grid)
            for source in sources.sources
        ]
        return prepare_set(requests, sources.label, progress)

    def fitted(self, store: Store, rows: NDArray[np.int64], where: str) -> Feed:
        """Return a feed with the scale of the training rows; if fitted already, only check the features."""
        if self.scale is None:
            from sma_core.feeds.sequences import SequenceFeed

            kind = SequenceFeed if store.metadata.sequences else ValueFeed
            return kind(store.scale(rows, self.transforms))
        self.scale.check_columns(store.metadata.columns, where)
        self.check_kind(store.metadata.sequences, where)
        return self

    def check_kind(self, sequences: bool, where: str) -> None:
        """Raise `DataError` when the rows of ``where`` are sequences of vectors, but the model reads tables."""
        if sequences:
            raise DataError(
                f"{where} has sequences of vectors, but the model reads rows of "
                f"{counted(len(self.columns), 'number')}: if its lines are whole rows, read it as a table with "
                "data.reader=table"
            )

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
        return StoreSource(
            store, batch_size, max_length, 0, seed, packing, rows, self.scale, ranks.rank, ranks.size
        )

    def fixed_batches(
        self, store: Store, rows: NDArray[np.int64], batch_size: int, max_length: int
    ) -> Sequence[Batch]:
        """Return batches of ``rows`` in a fixed order, for evaluation."""
        return fixed_batches(store, rows, batch_size, 0, max_length, self.scale)

    def read_file(
        self, reading: RowReading, source: Source, columns: Sequence[str], share: ChunkShare
    ) -> Iterator[RowChunk]:
        """Stream the rows of one file, with further ``columns``; raises `DataError` when the features differ."""
        chunks = self._file_chunks(reading, source, tuple(columns))
        yield from share.own(chunks, lambda chunk: chunk.numbers[-1])

    def _file_chunks(self, reading: RowReading, source: Source, fields: tuple[str, ...]) -> Iterator[RowChunk]:
        rejected: list[RejectedRow] = []
        for record in read_values(reading.registry, source, reading.data, fields):
            if isinstance(record, RejectedRow):
                rejected.append(record)
                continue
            check_grid(record.grid, reading.model.grid, source.label)
            names = feature_names(record, source.columns, source.features, source.label)
            self.known_scale.check_columns(names, source.label)
            self.check_kind(record.offsets is not None, source.label)
            reasons = self._unusable(record, reading)
            rejected += rejected_rows(record, reasons)
            kept = record.take(np.setdiff1d(np.arange(len(record)), list(reasons))) if reasons else record
            yield self._chunk(kept, rejected, dict(zip(fields, kept.texts(), strict=True)), reading)
            rejected = []
        if rejected:
            yield self._chunk(self._no_rows(), rejected, {name: [] for name in fields}, reading)

    def _no_rows(self) -> Block:
        """Return a block without rows."""
        no_values = np.zeros((0, len(self.columns)), dtype=np.float32)
        return Block(np.zeros(0, dtype=np.int64), no_values, (), self.columns)

    def _unusable(self, block: Block, reading: RowReading) -> dict[int, str]:
        """Return index -> reason for rows of a block that the model cannot read."""
        return self.known_scale.unreadable(block.values)

    def _chunk(
        self, block: Block, rejected: Sequence[RejectedRow], copied: dict[str, list[str]], reading: RowReading
    ) -> RowChunk:
        """Merge the usable rows of a block and rejected rows."""
        return value_chunk(block.numbers, block.values, rejected, copied)

    def read_memory(self, reading: RowReading, rows: MemoryRows) -> Iterator[RowChunk]:
        """Stream numbers (n, F) in memory, by name where columns have names; raises `DataError` for other rows."""
        values = self._numbers(rows)
        numbers = np.arange(1, len(values) + 1)
        sentinels = sentinels_of(reading.registry, reading.data)
        for start in range(0, len(values), ROWS_IN_CHUNK):
            part = slice(start, start + ROWS_IN_CHUNK)
            known = without_sentinels(values[part], sentinels)
            rejected, block = finite_block(numbers[part], known, (), self.columns)
            empty = np.isnan(block.values).all(axis=1)
            rejected += [RejectedRow(number, EMPTY) for number in block.numbers[empty].tolist()]
            block = block.take(np.flatnonzero(~empty))
            reasons = self.known_scale.unreadable(block.values)
            rejected += [RejectedRow(int(block.numbers[row]), reason) for row, reason in reasons.items()]
            block = block.take(np.setdiff1d(np.arange(len(block)), list(reasons))) if reasons else block
            yield value_chunk(block.numbers, block.values, rejected)

    def _numbers(self, rows: MemoryRows) -> NDArray[np.float32]:
        """Return rows of numbers (n, F) as float32; raises `DataError` for any other input."""
        rows = list(rows) if isinstance(rows, Iterator) else rows
        numbers = counted(len(self.columns), "number")
        expected = f"this model reads rows of {numbers} ({', '.join(self.columns[:8])}…)"
        try:
            with np.errstate(over="ignore"):
                named = features_by_name(rows, self.columns)
                values = np.asarray(named, dtype=np.float64).astype(np.float32)
        except (TypeError, ValueError) as error:
            raise DataError(f"{expected}: give an array of numbers") from error
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise DataError(f"{expected}, but the array has the shape {values.shape}")
        return values

    def check_windows(self, overlap: int, max_length: int) -> None:
        """Raise `UserError`: all rows of a table have the same length."""
        raise UserError("rows of a table are never longer than the model reads: omit `window_overlap`")

    def padded_lengths(self, inputs: RowInputs) -> NDArray[np.int64]:
        """Return the number of features (m,) of each row."""
        assert isinstance(inputs, np.ndarray), "rows of numbers are an array"
        return np.full(len(inputs), inputs.shape[1], dtype=np.int64)

    def batch(self, inputs: RowInputs, places: NDArray[np.int64], max_length: int) -> Batch:
        """Standardise and collate the rows at ``places`` of ``inputs``."""
        assert isinstance(inputs, np.ndarray), "rows of numbers are an array"
        return collate_values(inputs[places], self.known_scale)


def values_request(
    registry: Registry, source: Source, config: DataConfig, max_length: int, labels: LabelColumns
) -> ValuesRequest:
    """Return the request to prepare a source of numbers."""
    exclude = config.exclude or ()
    read = (*labels.targets, *labels.extras)
    return ValuesRequest(
        source=source.file,
        reader=open_reader(registry, source),
        reader_name=source.reader.name,
        cache=cache_folder() / "prepared",
        max_length=max_length,
        columns=tuple(column for column in source.columns if column not in exclude),
        exclude=() if source.columns else tuple(column for column in exclude if column not in read),
        names=source.names,
        features=source.features,
        options=source.options,
        sentinels=sentinels_of(registry, config),
        truncate=config.truncate,
        window_overlap=config.window_overlap,
        max_rejected=config.max_rejected,
        shard_rows=config.shard_rows,
        fresh=config.fresh,
        temporary=has_temporary_cache(),
        processes=config.processes,
        targets=labels.targets,
        label_form=labels.form,
        label_values=labels.values,
        extras=labels.extras,
    )
