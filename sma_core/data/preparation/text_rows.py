"""Prepare rows of text: check them, parse labels, tokenize, and apply the length limit.

Letters: n rows, K targets.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.data import plugin_code
from sma_core.data.labels import ParsedLabels, align_to_ids, build_label_parser
from sma_core.data.preparation.checking import check_chunks, split_into_chunks
from sma_core.data.preparation.prepared import PrepareRequest
from sma_core.data.preparation.prepared_chunk import PreparedChunk
from sma_core.data.records import RejectedRow, Row
from sma_core.data.store.writer import StoreWriter
from sma_core.data.tokenizers import EncodedRows, first_of_each, select, shorten, too_long_reasons, totals
from sma_core.data.windows import split_texts


@dataclass(frozen=True, slots=True)
class TextRows:
    """Rows ready for a store: ids, targets (n, K), and optionally a label number for every id.

    With ``characters``, the number of characters that each id stands for, label numbers are for every character.
    The last fields of each row are its extra texts.
    """

    rows: list[Row]
    encoded: EncodedRows
    targets: NDArray[np.float64]
    symbols: EncodedRows | None = None
    characters: EncodedRows | None = None

    @property
    def numbers(self) -> NDArray[np.int64]:
        """(n,) row numbers in the source."""
        return np.fromiter((row.number for row in self.rows), dtype=np.int64, count=len(self.rows))

    def take(self, indices: NDArray[np.int64]) -> TextRows:
        """Return the rows at ``indices``."""
        symbols = None if self.symbols is None else select(self.symbols, indices)
        characters = None if self.characters is None else select(self.characters, indices)
        rows = [self.rows[i] for i in indices.tolist()]
        return TextRows(rows, select(self.encoded, indices), self.targets[indices], symbols, characters)

    def write(self, writer: StoreWriter) -> None:
        """Append the rows to a store."""
        texts = [row.text for row in self.rows]
        count = len(writer.metadata.extras)
        extras = [[row.fields[column - count] for row in self.rows] for column in range(count)]
        writer.append(self.encoded, self.numbers, texts, self.targets, self.symbols, extras, self.characters)

    def split(self, max_length: int, overlap: int, separator_id: int) -> TextRows:
        """Split rows of more than ``max_length`` ids into windows, each a row with the number of its whole."""
        assert self.symbols is None, "rows with labels of positions are not split"
        encoded, windows = split_texts(self.encoded, max_length, overlap, separator_id)
        return TextRows([self.rows[i] for i in windows.rows.tolist()], encoded, self.targets[windows.rows])

    def shorten(self, max_length: int, separator_id: int) -> TextRows:
        """Truncate rows to ``max_length`` ids."""
        symbols, characters = self.symbols, self.characters
        if symbols is not None and characters is None:
            symbols = shorten(symbols, max_length, -1)
        elif symbols is not None and characters is not None:
            characters = shorten(characters, max_length, 0)
            symbols = first_of_each(symbols, totals(characters))
        ids = shorten(self.encoded, max_length, separator_id)
        return TextRows(self.rows, ids, self.targets, symbols, characters)


def read_text_chunks(request: PrepareRequest, path: Path, skip: int = 0) -> Generator[PreparedChunk, None, None]:
    """Read the source of ``request`` from ``path``, without its first ``skip`` rows, chunk by chunk."""
    masked = request.position_mask is not None
    labels = build_label_parser(request.targets, request.label_form, masked, request.label_values)
    fields = [*request.targets, *filter(None, [request.position_mask]), *request.extras]
    usual = request.usual_columns
    records = plugin_code.read_texts(request.reader, path, request.column, fields, usual=usual, **request.options)
    with closing(
        check_chunks(
            split_into_chunks(islice(records, skip, None)), request.check, request.processes, request.normalise
        )
    ) as source:
        for chunk in source:
            labelled = labels.read(chunk.rows)
            ready = _tokenized(request, labelled)
            unusable = [*chunk.rejected, *labelled.unusable]
            yield _within_length(request, chunk.count, ready, unusable, labels.classes)


def _tokenized(request: PrepareRequest, labelled: ParsedLabels) -> TextRows:
    texts = [row.text for row in labelled.rows]
    numbers = [row.number for row in labelled.rows]
    encoded = plugin_code.encode(request.tokenizer, texts, numbers)
    if labelled.symbols is None:
        return TextRows(labelled.rows, encoded, labelled.targets)
    characters = plugin_code.character_counts(request.tokenizer, texts, numbers, encoded.offsets)
    if request.by_character:
        return TextRows(labelled.rows, encoded, labelled.targets, labelled.symbols, characters)
    symbols = align_to_ids(labelled.symbols, characters.values != 0, encoded)
    return TextRows(labelled.rows, encoded, labelled.targets, symbols)


def _within_length(
    request: PrepareRequest, count: int, ready: TextRows, unusable: list[RejectedRow], classes: Sequence[str]
) -> PreparedChunk:
    """Split, truncate or reject rows that are too long, and return the chunk of ``count`` rows."""
    too_long = too_long_reasons(ready.encoded, request.max_length)
    truncated = windowed = windows = 0
    separator = request.tokenizer.separator_id
    if too_long and request.window_overlap is not None:
        before = len(ready.rows)
        ready = ready.split(request.max_length, request.window_overlap, separator)
        windowed, windows = len(too_long), len(ready.rows) - before + len(too_long)
    elif too_long and request.truncate:
        ready, truncated = ready.shorten(request.max_length, separator), len(too_long)
    elif too_long:
        reasons = [(ready.rows[index], reason) for index, reason in too_long.items()]
        unusable += [RejectedRow(row.number, reason, row.text, name=row.name) for row, reason in reasons]
        ready = ready.take(np.setdiff1d(np.arange(len(ready.rows)), list(too_long)))
    rejected = sorted(unusable, key=lambda row: row.number)
    return PreparedChunk(count, ready, rejected, truncated, classes, windowed, windows)
