"""The protocol of feeds, and which feed a new run or a recorded run has.

A feed knows everything that differs between rows of text and rows of numbers: how files are prepared, how batches
are collated, how single rows are read for prediction, and what the network must be built for. Other rooms ask a
feed, never which kind it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sma_core.config import DataConfig
from sma_core.data.batching.batches import Batch
from sma_core.data.batching.epochs import StoreSource
from sma_core.data.batching.mixing import Mixture
from sma_core.data.batching.packing import Packing
from sma_core.data.preparation.prepare import Progress
from sma_core.data.preparation.prepared_set import PreparedSet
from sma_core.data.store.format import LabelForm
from sma_core.data.store.store import Store
from sma_core.devices.ranks import Ranks
from sma_core.errors import CheckpointError
from sma_core.feeds.rows import ChunkShare, MemoryRows, RowChunk, RowInputs
from sma_core.nn.inputs import Inputs
from sma_core.plugins.registry import Registry
from sma_core.runs.record import RunRecord
from sma_core.sources.source_set import SourceSet

if TYPE_CHECKING:
    from sma_core.feeds.reading import RowReading
    from sma_core.sources.data_sets import Source


@dataclass(frozen=True)
class LabelColumns:
    """Columns to read beside the inputs: ``targets`` in the given form, and ``extras`` as texts.

    ``position_mask`` names a column of 0 and 1 that tells which labels of positions count.
    """

    targets: tuple[str, ...]
    form: LabelForm = "numbers"
    extras: tuple[str, ...] = ()
    position_mask: str | None = None


class Feed(Protocol):
    """How rows of one kind become what a network reads."""

    @property
    def inputs(self) -> Inputs:
        """What the network must be built for."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features that the model reads; empty for rows of text, or while they are not known."""
        ...

    @property
    def unit(self) -> str:
        """What the length of a row counts: ``ids`` or ``numbers``."""
        ...

    @property
    def identity(self) -> tuple[object, ...]:
        """What must be equal for two models to read rows alike."""
        ...

    def record(self) -> dict[str, Any]:
        """Return the entries of `RunRecord` that describe this feed."""
        ...

    def check_packing(self, config: DataConfig) -> None:
        """Raise `ConfigError` when rows of this kind cannot be packed as ``config`` asks."""
        ...

    def prepare(
        self,
        registry: Registry,
        sources: SourceSet,
        config: DataConfig,
        max_length: int,
        labels: LabelColumns | None = None,
        progress: Progress | None = None,
    ) -> PreparedSet:
        """Prepare the store of a set of files, or find it prepared; raises `DataError`."""
        ...

    def fitted(self, store: Store, rows: NDArray[np.int64], where: str) -> Feed:
        """Return the feed with statistics of the training ``rows`` of ``store``, where it has none yet.

        Raises `DataError` when the store has other features than the feed knows; ``where`` names it.
        """
        ...

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
        """Return batches of epochs over ``rows`` of ``store``, each rank's share of them."""
        ...

    def fixed_batches(
        self, store: Store, rows: NDArray[np.int64], batch_size: int, max_length: int
    ) -> Sequence[Batch]:
        """Return batches of ``rows`` in a fixed order, for evaluation."""
        ...

    def read_file(
        self, reading: RowReading, source: Source, identifier: str | None, share: ChunkShare
    ) -> Iterator[RowChunk]:
        """Stream the rows of one file, those that cannot be used with a reason."""
        ...

    def read_memory(self, reading: RowReading, rows: MemoryRows) -> Iterator[RowChunk]:
        """Stream rows in memory; raises `DataError` when they are of another kind."""
        ...

    def padded_lengths(self, inputs: RowInputs) -> NDArray[np.int64]:
        """Return the length (m,) that each row has in a batch."""
        ...

    def batch(self, inputs: RowInputs, places: NDArray[np.int64], max_length: int) -> Batch:
        """Collate the rows at ``places`` of ``inputs``."""
        ...


def new_feed(registry: Registry, config: DataConfig) -> Feed:
    """Return the feed of a new run; statistics of numbers are not known before the rows are read."""
    from sma_core.feeds.text import TextFeed
    from sma_core.feeds.values import ValueFeed

    if registry.domain.input_kind == "continuous":
        return ValueFeed()
    return TextFeed.of(registry, config.tokenizer)


def feed_of(registry: Registry, config: DataConfig, record: RunRecord) -> Feed:
    """Return the feed that a run recorded.

    Raises `PluginError` when the tokenizer installed is another, `CheckpointError` when the run and the domain
    hold different kinds of rows.
    """
    if (registry.domain.input_kind == "continuous") != record.continuous:
        raise CheckpointError(
            f"the run was trained on another kind of rows than the domain {registry.name!r} has now: install the "
            "plugin's version the model was made with"
        )
    from sma_core.feeds.text import TextFeed
    from sma_core.feeds.values import ValueFeed

    if record.scale is not None:
        return ValueFeed.of(record.scale)
    feed = TextFeed.of(registry, config.tokenizer)
    if record.tokenizer is not None:
        feed.check(record.tokenizer)
    return feed
