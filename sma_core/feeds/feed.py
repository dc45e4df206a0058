"""The protocol of feeds, and factories for the feed of a new run or a saved run.

A feed implements everything that differs between rows of text and rows of numbers: preparing files, collating
batches, reading rows for prediction, and describing the inputs of the network. Code outside this package calls
the protocol and does not check which kind of feed it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sma_core.config import DataConfig, ModelConfig
from sma_core.data.batching.batches import Batch
from sma_core.data.batching.epochs import StoreSource
from sma_core.data.batching.mixing import Mixture
from sma_core.data.batching.packing import Packing
from sma_core.data.preparation.prepare import Progress
from sma_core.data.preparation.prepared_set import PreparedSet
from sma_core.data.store.format import LabelForm
from sma_core.data.store.store import Store
from sma_core.data.unusual_rows.other_rows import OtherRows
from sma_core.devices.ranks import Ranks
from sma_core.errors import CheckpointError, ConfigError
from sma_core.feeds.rows import ChunkShare, MemoryRows, RowChunk, RowInputs
from sma_core.nn.inputs import Inputs
from sma_core.plugins.registry import Registry
from sma_core.runs.record import RunRecord
from sma_core.sources.features import ModelFeatures
from sma_core.sources.source_set import SourceSet

if TYPE_CHECKING:
    from sma_core.feeds.reading import RowReading
    from sma_core.sources.data_sets import Source


@dataclass(frozen=True)
class LabelColumns:
    """Columns to read besides the inputs: ``targets`` as labels of type ``form``, and ``extras`` as text.

    ``position_mask`` names a column of 0 and 1 that marks the positions whose labels count. ``values`` are the
    names of the two classes of binary labels, the positive last; empty when the labels are 0 and 1.
    """

    targets: tuple[str, ...]
    form: LabelForm = "numbers"
    extras: tuple[str, ...] = ()
    position_mask: str | None = None
    values: tuple[str, ...] = ()


class Feed(Protocol):
    """Converts rows of one kind to network inputs."""

    @property
    def inputs(self) -> Inputs:
        """Description of the inputs, from which the network is built."""
        ...

    @property
    def features(self) -> ModelFeatures:
        """The features of rows of numbers, as they are found in files; empty for text."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the model's features; empty for rows of text, and before training rows are read."""
        ...

    @property
    def unit(self) -> str:
        """Unit of row lengths: ``ids`` or ``numbers``."""
        ...

    @property
    def identity(self) -> tuple[object, ...]:
        """Values that are equal for two feeds with the same inputs."""
        ...

    def warnings(self, config: DataConfig, model: ModelConfig, missing: bool = True) -> list[str]:
        """Return sentences on features that tell nothing, or may not be features, and on ``missing`` values."""
        ...

    def other_rows(self, model: ModelConfig) -> OtherRows | None:
        """Return an object that compares rows with the training rows of ``model``; None for texts, or before."""
        ...

    def record(self) -> dict[str, Any]:
        """Return the entries of `RunRecord` that describe this feed."""
        ...

    def check_packing(self, config: DataConfig) -> None:
        """Raise `ConfigError` when rows of this kind do not support ``config.packing``."""
        ...

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
        """Prepare a set of files, or return the cached result.

        ``grid`` is ``model.grid``, on which rows must lie if their reader knows their axes. Raises `DataError`.
        """
        ...

    def fitted(self, store: Store, rows: NDArray[np.int64], where: str) -> Feed:
        """Return a feed fitted to the training ``rows`` of ``store``, or this one if it is fitted already.

        Raises `DataError`, which names the store by ``where``, when its features differ from this feed's.
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
        """Return a source of shuffled batches of ``rows`` of ``store``; each rank gets a share of every batch."""
        ...

    def fixed_batches(
        self, store: Store, rows: NDArray[np.int64], batch_size: int, max_length: int
    ) -> Sequence[Batch]:
        """Return batches of ``rows`` in a fixed order, for evaluation."""
        ...

    def read_file(
        self, reading: RowReading, source: Source, columns: Sequence[str], share: ChunkShare
    ) -> Iterator[RowChunk]:
        """Stream the rows of one file, including unusable rows with the reason."""
        ...

    def read_memory(self, reading: RowReading, rows: MemoryRows) -> Iterator[RowChunk]:
        """Stream rows in memory; raises `DataError` when they are of the wrong kind."""
        ...

    def check_windows(self, overlap: int, max_length: int) -> None:
        """Raise `UserError` when long rows cannot be read in windows that share ``overlap`` inputs."""
        ...

    def padded_lengths(self, inputs: RowInputs) -> NDArray[np.int64]:
        """Return the padded length (m,) of each row in a batch."""
        ...

    def batch(self, inputs: RowInputs, places: NDArray[np.int64], max_length: int) -> Batch:
        """Collate the rows at ``places`` of ``inputs``."""
        ...


def new_feed(registry: Registry, config: DataConfig) -> Feed:
    """Return the feed of a new run; a feed of numbers is unfitted until training rows are read."""
    from sma_core.feeds.text import TextFeed
    from sma_core.feeds.values import ValueFeed

    if registry.domain.input_kind == "continuous":
        return ValueFeed(transforms=tuple(config.transforms.items()))
    return TextFeed.of(registry, config.tokenizer)


def feed_of(registry: Registry, config: DataConfig, record: RunRecord) -> Feed:
    """Return the feed of a saved run.

    Raises `PluginError` when the installed tokenizer differs from the run's, `CheckpointError` when the domain now
    has another kind of rows than the run.
    """
    if (registry.domain.input_kind == "continuous") != record.continuous:
        raise CheckpointError(
            f"the run was trained on another kind of rows than the domain {registry.name!r} has now: install the "
            "version of the plugin that the run was trained with"
        )
    from sma_core.feeds.sequences import SequenceFeed
    from sma_core.feeds.text import TextFeed
    from sma_core.feeds.values import ValueFeed

    if record.scale is not None:
        values = SequenceFeed(record.scale) if record.sequences else ValueFeed(record.scale)
        if config.transforms and config.transforms != dict(values.known_scale.transforms):
            raise CheckpointError(
                f"data.transforms is {config.transforms}, but the run was trained with "
                f"{dict(values.known_scale.transforms)}: leave the setting out"
            )
        return values
    feed = TextFeed.of(registry, config.tokenizer)
    if record.tokenizer is not None:
        feed.check(record.tokenizer)
    return feed


def normalise_name(registry: Registry, config: DataConfig) -> str | None:
    """Return the reference to the function that normalises rows, or None when it is off.

    Raises `ConfigError` when it is on but the domain has none.
    """
    if not config.normalise:
        return None
    if registry.domain.normalise is None:
        raise ConfigError(f"data.normalise is on, but the domain {registry.name!r} has no normal form of rows")
    return registry.domain.normalise
