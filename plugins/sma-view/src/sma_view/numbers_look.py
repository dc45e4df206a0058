"""Inspect rows of numbers: missing values, moments and extremes of features or channels, lengths of sequences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sma_core.config import DataConfig
from sma_core.data.blocks import Block
from sma_core.data.preparation.prepare import Progress
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import Source
from sma_core.sources.reading import read_values
from sma_core.sources.source_set import SourceSet
from sma_view.inspection import (
    Feature,
    NumberFigures,
    SequenceLengths,
)
from sma_view.look import Look
from sma_view.tallies import FeatureTally, LengthTally, value_bins

VALUE_BINS = 16
LARGEST_BLOCK = 8 << 20
"""Upper bound of the rows in a block; reading stops this many rows past the last row wanted."""


class NumbersLook(Look):
    """Counts missing values, moments and extremes of rows of numbers."""

    def __init__(self, registry: Registry, sources: SourceSet, most: int | None, config: DataConfig) -> None:
        super().__init__(registry, sources, most)
        self.config = config
        self.names: tuple[str, ...] = ()
        self.tally: FeatureTally | None = None
        self.lengths = LengthTally()

    def read(self, processes: int | None, progress: Progress | None) -> None:
        """Read the rows; ``processes`` is not used, because rows of numbers have no check."""
        for source, before, wanted in self.files():
            for record in self._records(source, wanted):
                if isinstance(record, RejectedRow):
                    self.counts.rows += 1
                    self.counts.count(replace(record, number=record.number + before))
                elif len(record):
                    self._add(record, source, before)
                if progress is not None:
                    progress(self.counts.rows, self.counts.rows - self.counts.rejected, self.counts.rejected)

    def _add(self, block: Block, source: Source, before: int) -> None:
        names = block.names(source.columns)
        if self.names and names != self.names:
            raise DataError(
                f"{source.file} has other columns ({', '.join(names)}) than {self.sources.first.file} "
                f"({', '.join(self.names)}): files of one set must have the same"
            )
        self.names = names
        self.tally = self.tally or FeatureTally(len(self.names))
        numbers = block.numbers + before
        if block.offsets is None:
            self.tally.add(block.values, numbers)
        else:
            positions = np.arange(len(block.values)) + self.tally.rows + 1
            self.tally.add(block.values, positions)
            self.lengths.add(block.sequences.lengths, numbers.tolist())
        self.counts.rows += len(block)

    def _records(self, source: Source, most: int | None) -> Iterator[Block | RejectedRow]:
        """Yield the first rows; rejected rows may arrive long before the block around them."""
        excluded = () if source.columns else self.config.exclude or ()
        for record in read_values(self.registry, source, self.config, (), excluded):
            if most is None:
                yield record
            elif isinstance(record, RejectedRow):
                if record.number <= most:
                    yield record
                else:
                    self.whole = False
                    if record.number > most + LARGEST_BLOCK:
                        return
            else:
                yield record.take(np.flatnonzero(record.numbers <= most))
                if len(record) and record.numbers[-1] > most:
                    self.whole = False
                    return

    def columns(self) -> list[str]:
        """Return the names of the features, or the requested names when no row is usable."""
        return list(self.names or self.sources.first.columns)

    def longer_than(self, most: int) -> int:
        """Count the usable rows with more than ``most`` features or positions."""
        if self.lengths.counts:
            return self.lengths.longer_than(most)
        return self.counts.rows - self.counts.rejected if len(self.names) > most else 0

    def figures(self) -> NumberFigures:
        """Return statistics of the usable rows, of which there must be at least one."""
        assert self.tally is not None, "there is a usable row"
        features = [_feature(self.tally, index, name) for index, name in enumerate(self.names)]
        return NumberFigures(features, len(self.tally.sample), _sequence_lengths(self.lengths))


def _sequence_lengths(tally: LengthTally) -> SequenceLengths | None:
    """Return the lengths of sequences; None for a table."""
    if not tally.counts:
        return None
    low, high = min(tally.counts), max(tally.counts)
    return SequenceLengths(
        positions=sum(length * count for length, count in tally.counts.items()),
        minimum=low,
        median=tally.quantile(0.5),
        mean=tally.mean,
        maximum=high,
        shortest_row=tally.first[low],
        longest_row=tally.first[high],
        bins=tally.bins(),
    )


def _feature(tally: FeatureTally, index: int, name: str) -> Feature:
    sample = tally.sample[:, index]
    missing = tally.rows - int(tally.sums.known[index])
    in_sample = sample[~np.isnan(sample)]
    known = missing < tally.rows
    return Feature(
        name=name,
        missing=missing,
        missing_share=missing / tally.rows,
        mean=float(tally.sums.mean[index]) if known else None,
        deviation=float(tally.sums.deviation[index]) if known else None,
        minimum=float(tally.minimum[index]) if known else None,
        median=float(np.median(in_sample)) if len(in_sample) else None,
        maximum=float(tally.maximum[index]) if known else None,
        bins=value_bins(sample, VALUE_BINS),
    )
