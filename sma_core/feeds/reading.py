"""Read rows for prediction and embedding, with the check and maximum length of training; no row is dropped."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sma_core.config import DataConfig, ModelConfig
from sma_core.data.pairs import is_pair
from sma_core.data.plugin_code import CheckFunction, NormaliseFunction
from sma_core.data.unusual_rows.truncation import truncation_note
from sma_core.errors import ConfigError, DataError
from sma_core.feeds.feed import Feed, normalise_name
from sma_core.feeds.rows import ChunkShare, MemoryRows, RowChunk, vectors_of
from sma_core.plugins.imports import resolve
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import without_unknown
from sma_core.sources.source_set import SourceSet, find_sources

logger = logging.getLogger("sma")

TEXT_OPTIONS = ("strip", "blank_lines")
"""Reader options of training that also hold for other files, where their reader has them."""


def pair_column(run: DataConfig, column: str | None) -> str | None:
    """Return the input column of another file: for a run on pairs, the run's two columns unless two are named.

    Raises `DataError` when the run was trained on pairs and one column is named.
    """
    if not is_pair(run.column):
        return column
    if column is not None and not is_pair(column):
        raise DataError(
            f"the model was trained on pairs of texts, the columns {run.column}: name two with "
            "data.column=FIRST,SECOND"
        )
    return column or run.column


@dataclass(frozen=True)
class RowReading:
    """Reads rows as in a run: with its feed, data and model settings, and the domain's check.

    Rows longer than `max_length` are truncated or rejected as in training, or with ``window_overlap`` split into
    windows that share this number of inputs.
    """

    registry: Registry
    feed: Feed
    data: DataConfig
    model: ModelConfig
    window_overlap: int | None = None

    @property
    def max_length(self) -> int:
        """Maximum length of rows, ``model.max_length``."""
        return self.model.max_length

    def in_windows(self, overlap: int | None) -> RowReading:
        """Return a reading with ``window_overlap``; raises `UserError` when rows or windows do not allow it."""
        if overlap is not None:
            self.feed.check_windows(overlap, self.max_length)
        return replace(self, window_overlap=overlap)

    def source(
        self,
        data: str | Path,
        column: str | None = None,
        reader: str | None = None,
        delimiter: str | None = None,
        columns: Sequence[str] | None = None,
        fields: Sequence[str] = (),
    ) -> SourceSet:
        """Resolve the user's ``data`` to files; names and options are as in training.

        ``columns`` are the columns that hold the model's features, in its order; None: those of the same names.
        ``fields`` are further columns that will be read. How channels were found is logged, unless by name.
        """
        column = pair_column(self.data, column)
        wanted: dict[str, Any] = {"source": str(data), "column": column, "reader": reader, "delimiter": delimiter}
        kept = ("names", "tree", "options", *TEXT_OPTIONS)
        wanted |= {name: getattr(self.data, name) for name in kept}
        config = DataConfig.model_validate(wanted)
        sources = find_sources(self.registry, config)
        optional = (*TEXT_OPTIONS, *self.data.options)
        files = tuple(without_unknown(self.registry, source, optional) for source in sources.sources)
        sources = replace(sources, sources=files)
        if columns and not self.feed.columns:
            raise ConfigError("`columns` are those of rows of numbers, but this model reads text: use `column`")
        features = self.feed.features.found_in(sources, self.registry, config, columns or (), fields)
        for note in features.notes:
            logger.warning(note)
        return features

    def chunks(
        self,
        sources: SourceSet,
        identifier: str | None = None,
        share: tuple[int, int] = (0, 1),
        keep: Sequence[str] = (),
    ) -> Iterator[RowChunk]:
        """Stream the rows of all files in order, with their names, or the values of the column ``identifier``.

        If one file has identifiers, all chunks have them, empty for the others. ``keep`` names columns to copy.
        Row numbers continue from file to file. ``share`` is the rank and the number of ranks, to which chunks are
        assigned round-robin. What is unlike in the training rows is logged at the end. Raises `DataError` when a
        file cannot be read or lacks the column.
        """
        compared = self.feed.other_rows(self.model)
        before, own = 0, ChunkShare(*share)
        named = identifier is not None or any(source.reader.names_rows for source in sources.sources)
        for source in sources.sources:
            column = None if source.reader.names_rows else identifier
            columns = keep if column is None else (column, *keep)
            for chunk in self.feed.read_file(self, source, tuple(dict.fromkeys(columns)), own):
                names = chunk.names if column is None else chunk.copied[column]
                if compared is not None:
                    compared.add(vectors_of(chunk.inputs))
                yield replace(
                    chunk.shifted(before),
                    names=names or [""] * len(chunk) if named else None,
                    copied={name: chunk.copied[name] for name in keep},
                )
            before += own.rows
        for sentence in compared.warnings() if compared is not None else ():
            logger.warning(sentence)

    def chunks_of(self, rows: MemoryRows) -> Iterator[RowChunk]:
        """Stream rows in memory, and log at the end if some were truncated, and what is unlike in training rows.

        Raises `DataError` when their kind or features differ from the model's.
        """
        count = truncated = 0
        compared = self.feed.other_rows(self.model)
        for chunk in self.feed.read_memory(self, rows):
            if compared is not None:
                compared.add(vectors_of(chunk.inputs))
            count, truncated = count + len(chunk), truncated + len(chunk.truncated)
            yield chunk
        note = truncation_note(truncated, count, self.max_length)
        if note is not None:
            logger.warning(f"{note}; `with_windows` of the run reads them whole")
        for sentence in compared.warnings() if compared is not None else ():
            logger.warning(sentence)

    def check(self) -> CheckFunction | None:
        """Return the domain's row check, or None when the run does not use one."""
        if self.registry.domain.check is None or not self.data.check_rows:
            return None
        function: CheckFunction = resolve(self.registry.domain.check, f"the domain {self.registry.name!r}")
        return function

    def normalise(self) -> NormaliseFunction | None:
        """Return the domain's function that normalises rows, or None when the run does not use one."""
        name = normalise_name(self.registry, self.data)
        if name is None:
            return None
        function: NormaliseFunction = resolve(name, f"the domain {self.registry.name!r}")
        return function
