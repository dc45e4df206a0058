"""Rows of text made ready for a store: check_chunks, labels read, tokenized, and fitted to the largest length.

Letters: n rows, K targets.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.data.labels import ParsedLabels, align_to_ids, build_label_parser
from sma_core.data.preparation.checking import check_chunks, split_into_chunks
from sma_core.data.preparation.prepared import PrepareRequest
from sma_core.data.preparation.prepared_chunk import PreparedChunk
from sma_core.data.records import RejectedRow, Row
from sma_core.data.store.writer import StoreWriter
from sma_core.data.tokenizers import CharacterTokenizer, EncodedRows, select, shorten
from sma_core.errors import DataError


@dataclass(frozen=True, slots=True)
class TextRows:
    """Rows ready for a store: ids, targets (n, K), and perhaps a label number for every id.

    The last fields of the rows are their extra texts.
    """

    rows: list[Row]
    encoded: EncodedRows
    targets: NDArray[np.float32]
    symbols: EncodedRows | None = None

    @property
    def numbers(self) -> NDArray[np.int64]:
        """(n,) numbers of the rows in the source."""
        return np.fromiter((row.number for row in self.rows), dtype=np.int64, count=len(self.rows))

    def take(self, at: NDArray[np.int64]) -> TextRows:
        """Return the rows at these indices."""
        symbols = None if self.symbols is None else select(self.symbols, at)
        rows = [self.rows[i] for i in at.tolist()]
        return TextRows(rows, select(self.encoded, at), self.targets[at], symbols)

    def write(self, writer: StoreWriter) -> None:
        """Append the rows to a store."""
        texts = [row.text for row in self.rows]
        count = len(writer.metadata.extras)
        extras = [[row.fields[at - count] for row in self.rows] for at in range(count)]
        writer.append(self.encoded, self.numbers, texts, self.targets, self.symbols, extras)

    def shorten(self, max_length: int, separator_id: int) -> TextRows:
        """Cut rows of more ids than ``max_length``."""
        symbols = None if self.symbols is None else shorten(self.symbols, max_length, -1)
        return TextRows(self.rows, shorten(self.encoded, max_length, separator_id), self.targets, symbols)


def read_text_chunks(request: PrepareRequest, path: Path, skip: int = 0) -> Generator[PreparedChunk, None, None]:
    """Read the source of ``request``, which is at ``path``, after ``skip`` rows, and yield piece after piece."""
    labels = build_label_parser(request.targets, request.label_form, request.position_mask is not None)
    fields = [*request.targets, *filter(None, [request.position_mask]), *request.extras]
    records = request.reader(path, request.column, fields, usual=request.usual_columns)
    with closing(
        check_chunks(split_into_chunks(islice(records, skip, None)), request.check, request.processes)
    ) as source:
        for chunk in source:
            labelled = labels.read(chunk.rows)
            ready = _tokenized(request, labelled)
            ready, too_long, shortened = _fitted(request, ready)
            rejected = sorted([*chunk.rejected, *labelled.unusable, *too_long], key=lambda row: row.number)
            yield PreparedChunk(chunk.count, ready, rejected, shortened, labels.classes)


def _tokenized(request: PrepareRequest, labelled: ParsedLabels) -> TextRows:
    texts = [row.text for row in labelled.rows]
    encoded = request.tokenizer.encode(texts)
    symbols = None
    if labelled.symbols is not None:
        starts = _character_tokenizer(request).character_starts(texts)
        symbols = align_to_ids(labelled.symbols, starts, encoded)
    return TextRows(labelled.rows, encoded, labelled.targets, symbols)


def _character_tokenizer(request: PrepareRequest) -> CharacterTokenizer:
    if not isinstance(request.tokenizer, CharacterTokenizer):
        raise DataError(
            f"the tokenizer {request.tokenizer.name!r} cannot tell where characters begin, which labels of "
            "every position need: choose another with data.tokenizer"
        )
    return request.tokenizer


def _fitted(request: PrepareRequest, ready: TextRows) -> tuple[TextRows, list[RejectedRow], int]:
    """Apply the length rule: cut, or set aside; give the rows, those set aside, and how many were cut."""
    too_long = ready.encoded.lengths > request.max_length
    if not too_long.any():
        return ready, [], 0
    if request.truncate:
        return ready.shorten(request.max_length, request.tokenizer.separator_id), [], int(too_long.sum())
    aside = []
    for at in np.flatnonzero(too_long).tolist():
        reason = f"too long: {int(ready.encoded.lengths[at])} > {request.max_length}"
        aside.append(RejectedRow(ready.rows[at].number, reason, ready.rows[at].text))
    return ready.take(np.flatnonzero(~too_long)), aside, 0
