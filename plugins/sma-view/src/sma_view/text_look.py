"""Inspect rows of text: lengths in ids, characters, spelling, and examples."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np

from sma_core.data.pairs import columns_of, shown
from sma_core.data.plugin_code import encode
from sma_core.data.preparation.checking import Chunk
from sma_core.data.preparation.prepare import Progress
from sma_core.data.preparation.rejected import TEXT_SHOWN
from sma_core.data.readers.csv import choose_column, read_header
from sma_core.data.records import Row
from sma_core.data.remote.files import local_copy
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.plugins.registry import Registry
from sma_core.sources.reading import read_text
from sma_core.sources.source_set import SourceSet
from sma_view.inspection import (
    Example,
    TextFigures,
)
from sma_view.look import Look
from sma_view.spelling import SpellingTally
from sma_view.tallies import CharacterTally, LengthTally, Sample

EXAMPLES = 3
COMMON_CHARACTERS = 24


class TextLook(Look):
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
            return [name for name in columns_of(first.column) if name is not None]
        with local_copy(first.file) as path:
            header, usual = read_header(path, first.options.get("delimiter")), self.registry.domain.columns
            return [choose_column(header, name, usual, path) for name in columns_of(first.column)]

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
            examples=[Example(row.number, _cut(shown(row.text))) for row in self._examples],
            spelling=self.spelling.result(),
        )


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN else text[: TEXT_SHOWN - 1] + "…"
