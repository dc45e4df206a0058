"""`inspect_data`: statistics of a data set or file before training on it; nothing is stored."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sma_core.config import DataConfig
from sma_core.data.blocks import Block
from sma_core.data.plugin_code import encode
from sma_core.data.preparation.checking import Chunk
from sma_core.data.preparation.prepare import Progress
from sma_core.data.preparation.rejected import TEXT_SHOWN, RejectionCounts
from sma_core.data.readers.csv import choose_column, read_header
from sma_core.data.records import RejectedRow, Row
from sma_core.data.remote.files import local_copy
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.errors import DataError
from sma_core.feeds.feed import new_feed, normalise_name
from sma_core.feeds.text import TextFeed
from sma_core.paths import as_path, check_outputs, local_files
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, pretrain_settings, recipe_names
from sma_core.sources.data_sets import Source, locations
from sma_core.sources.reading import read_text, read_values
from sma_core.sources.source_set import SourceSet, find_sources
from sma_view.inspection import (
    Example,
    Feature,
    Inspection,
    NumberFigures,
    RecipeFit,
    SequenceLengths,
    TextFigures,
    Unusable,
)
from sma_view.inspection_plot import check_plot, write_plot
from sma_view.spelling import SpellingTally
from sma_view.tallies import CharacterTally, FeatureTally, LengthTally, Sample, value_bins

EXAMPLES = 3
COMMON_CHARACTERS = 24
VALUE_BINS = 16
LARGEST_BLOCK = 8 << 20
"""Upper bound of the rows in a block; reading stops this many rows past the last row wanted."""


def inspect_data(
    domain: str,
    data: str | Path | None = None,
    *,
    rows: int | None = None,
    column: str | None = None,
    columns: Sequence[str] | None = None,
    reader: str | None = None,
    target: str | None = None,
    settings: Mapping[str, Any] | None = None,
    plot: str | Path | None = None,
    force: bool = False,
    processes: int | None = None,
    progress: Progress | None = None,
    policy: PluginPolicy | None = None,
) -> Inspection:
    """Read ``data`` as training would and return statistics of usable rows and reasons of unusable ones.

    Args:
        domain: The plugin that knows the data.
        data: A data set's name, a file, or a list as in ``--data``; None: the domain's default set.
        rows: Read only the first rows; row numbers continue from file to file.
        column: Column of the text; None looks for a usual name.
        columns: Feature columns, in order; None: those of the data set, or all columns.
        reader: Name of the reader; None chooses by file suffix.
        target: Column of labels, to count equal rows of text with different labels.
        settings: Settings of data by dotted name that override the others: ``{"data.names": ["pt", "eta"]}``.
        plot: A ``.png`` file for the histograms; needs the extra ``plot``.
        force: Replace a plot that exists.
        processes: Number of processes that check rows; None: one per core.
        progress: Called with rows read, kept and set aside.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        UserError: The data cannot be found or read, or ``plot`` cannot be written or exists.
    """
    began = time.monotonic()
    plot = as_path(plot)
    check_plot(plot)
    check_outputs(plot, inputs=local_files(data), force=force)
    registry = Registry.load_named(domain, policy)
    source = None if data is None else str(data)
    named = {"source": source, "column": column, "columns": columns or None, "reader": reader}
    wanted = {f"data.{name}": value for name, value in named.items() if value is not None}
    request = Request(settings=wanted | dict(settings or {}))
    config = pretrain_settings(registry, request).config.data
    sources = find_sources(registry, config)
    feed = new_feed(registry, config)
    look: _TextLook | _NumbersLook
    if isinstance(feed, TextFeed):
        look = _TextLook(registry, sources, rows, feed.tokenizer, normalise_name(registry, config), target)
    else:
        look = _NumbersLook(registry, sources, rows, config)
    look.read(processes, progress)
    inspection = _inspection(registry, sources, look, began)
    if plot is not None:
        write_plot(inspection, plot)
    return inspection


class _Look:
    """Reads files to their end, or to the last row wanted, and counts rows."""

    def __init__(self, registry: Registry, sources: SourceSet, most: int | None) -> None:
        self.registry, self.sources, self.most = registry, sources, most
        self.counts = RejectionCounts()
        self.whole = True

    def files(self) -> Iterator[tuple[Source, int, int | None]]:
        """Yield each file, the number of rows before it, and the number of its rows to read.

        One more file is read than necessary, to know whether there are more rows.
        """
        for source in self.sources.sources:
            before = self.counts.rows
            wanted = None if self.most is None else self.most - before
            yield source, before, wanted
            if not self.whole:
                return

    def columns(self) -> list[str]:
        """Return the names of the columns read."""
        raise NotImplementedError

    def longer_than(self, most: int) -> int:
        """Count the usable rows with more than ``most`` inputs."""
        raise NotImplementedError


class _TextLook(_Look):
    """Counts lengths and characters of rows of text."""

    def __init__(
        self,
        registry: Registry,
        sources: SourceSet,
        most: int | None,
        tokenizer: DiscreteTokenizer,
        normalise: str | None,
        target: str | None,
    ) -> None:
        super().__init__(registry, sources, most)
        self._normalise, self._fields = normalise, (target,) if target is not None else ()
        self.spelling = SpellingTally(normalise is not None, target is not None)
        self.tokenizer = tokenizer
        self.lengths, self.characters = LengthTally(), CharacterTally()
        self._sample = Sample(EXAMPLES)
        self._examples: list[Row] = []

    def read(self, processes: int | None, progress: Progress | None) -> None:
        """Read the rows; with a limit also one more, to know whether there are more."""
        check = self.registry.domain.check
        for source, before, wanted in self.files():
            limit = None if wanted is None else wanted + 1
            chunks = read_text(
                self.registry, source, check, processes, limit, self._fields, normalise=self._normalise
            )
            with closing(chunks):
                for chunk in chunks:
                    self._count(chunk, before)
                    if progress is not None:
                        kept = self.counts.rows - self.counts.rejected
                        progress(self.counts.rows, kept, self.counts.rejected)

    def _count(self, chunk: Chunk, before: int) -> None:
        """Count the rows of a file; ``before`` is the number of rows in earlier files."""
        rejected = [row for row in chunk.rejected if self._wanted(row.number + before)]
        rows = [
            replace(row, number=row.number + before) for row in chunk.rows if self._wanted(row.number + before)
        ]
        self.counts.rows += len(rows) + len(rejected)
        for row in rejected:
            self.counts.count(replace(row, number=row.number + before))
        self._add(rows)

    def _wanted(self, number: int) -> bool:
        wanted = self.most is None or number <= self.most
        self.whole = self.whole and wanted
        return wanted

    def _add(self, rows: list[Row]) -> None:
        if not rows:
            return
        texts, numbers = [row.text for row in rows], [row.number for row in rows]
        self.lengths.add(encode(self.tokenizer, texts, numbers).lengths, numbers)
        self.characters.add(texts)
        self.spelling.add(rows)
        stay, join = self._sample.offer(np.array(numbers, dtype=np.int64))
        kept = [self._examples[index] for index in stay.tolist()]
        self._examples = kept + [rows[index] for index in join.tolist()]

    def columns(self) -> list[str]:
        """Return the column of the text, as given or as chosen by name; empty for a file without columns."""
        first = self.sources.first
        if first.reader.name != "csv":
            return [first.column] if first.column else []
        with local_copy(first.file) as path:
            return [
                choose_column(
                    read_header(path, first.options.get("delimiter")),
                    first.column,
                    self.registry.domain.columns,
                    path,
                )
            ]

    def longer_than(self, most: int) -> int:
        """Count the usable rows with more than ``most`` ids."""
        return self.lengths.longer_than(most)

    def figures(self) -> TextFigures:
        """Return statistics of the usable rows, of which there must be at least one."""
        lengths, total = self.lengths, self.characters.counts.total()
        common = self.characters.counts.most_common(COMMON_CHARACTERS)
        low, high = min(lengths.counts), max(lengths.counts)
        return TextFigures(
            tokenizer=self.tokenizer.name,
            ids=sum(length * count for length, count in lengths.counts.items()),
            minimum=low,
            median=lengths.quantile(0.5),
            mean=lengths.mean,
            percentile_95=lengths.quantile(0.95),
            maximum=high,
            shortest_row=lengths.first[low],
            longest_row=lengths.first[high],
            bins=lengths.bins(),
            characters=len(self.characters.counts),
            common={character: count / max(total, 1) for character, count in common},
            examples=[Example(row.number, _cut(row.text)) for row in self._examples],
            spelling=self.spelling.result(),
        )


class _NumbersLook(_Look):
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
        for record in read_values(self.registry, source, self.config):
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


def _inspection(
    registry: Registry, sources: SourceSet, look: _TextLook | _NumbersLook, began: float
) -> Inspection:
    """Collect the statistics into the result."""
    source, counts = sources.first, look.counts
    spec = source.spec if len(sources.sources) == 1 else None
    usable = counts.rows - counts.rejected
    figures = look.figures() if usable else None
    recipes = []
    for name in recipe_names(registry):
        most = pretrain_settings(registry, Request(recipe=name)).config.model.max_length
        recipes.append(RecipeFit(name, most, look.longer_than(most)))
    own, workers = _peak_megabytes()
    return Inspection(
        domain=registry.name,
        label=source.label if spec else sources.label,
        path=str(source.file),
        files=len(sources.sources),
        found=_origin(registry, source),
        summary=spec.summary if spec else None,
        source=spec.source if spec else None,
        licence=spec.licence if spec else None,
        reader=source.reader.name,
        columns=look.columns(),
        rows=counts.rows,
        usable=usable,
        whole=look.whole,
        unusable=[Unusable(kind, count, *counts.first[kind]) for kind, count in counts.reasons.most_common()],
        recipes=sorted(recipes, key=lambda fit: fit.max_length),
        text=figures if isinstance(figures, TextFigures) else None,
        numbers=figures if isinstance(figures, NumberFigures) else None,
        seconds=time.monotonic() - began,
        peak_megabytes=own,
        worker_megabytes=workers,
    )


def _origin(registry: Registry, source: Source) -> str:
    """Return how the source was located: see `Inspection.found`."""
    if source.spec is None:
        return "file"
    if source.spec.locate is not None:
        return "ships"
    names = [place.name for place in locations(registry, source.spec) if place.path == source.file]
    return names[0] if names else "cache"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN else text[: TEXT_SHOWN - 1] + "…"


def _peak_megabytes() -> tuple[float | None, float | None]:
    """Return the peak memory in megabytes of this process and of its largest child process."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None, None
    unit = 1e-6 if sys.platform == "darwin" else 1024e-6
    own, others = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own * unit, others * unit or None
