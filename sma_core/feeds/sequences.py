"""The feed of sequences of vectors: channels in a fixed order, standardised with statistics of all positions.

Letters: n rows, m usable rows, n_i positions of row i, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.batches import MULTIPLE, Batch, collate_sequences
from sma_core.data.blocks import Block
from sma_core.data.readers.features import rejected_rows
from sma_core.data.records import EMPTY, RejectedRow
from sma_core.data.scaling import without_sentinels
from sma_core.data.sequences import Sequences
from sma_core.data.windows import check_overlap, split_sequences
from sma_core.errors import DataError
from sma_core.feeds.named_lists import sequences_by_name
from sma_core.feeds.reading import RowReading
from sma_core.feeds.rows import ROWS_IN_CHUNK, MemoryRows, RowChunk, RowInputs, take_inputs, value_chunk
from sma_core.feeds.values import ValueFeed
from sma_core.nn.inputs import ContinuousInputs
from sma_core.printable import counted
from sma_core.sources.reading import sentinels_of


@dataclass(frozen=True)
class SequenceFeed(ValueFeed):
    """Standardises the channels of sequences with ``scale``; implements `sma_core.feeds.feed.Feed`."""

    unit = "positions"

    @property
    def inputs(self) -> ContinuousInputs:
        """Continuous inputs with C channels."""
        return ContinuousInputs(len(self.columns), self.has_missing)

    def record(self) -> dict[str, Any]:
        """Return the entries of ``model.json``: the scale, and that rows are sequences."""
        return super().record() | {"sequences": True}

    def check_kind(self, sequences: bool, where: str) -> None:
        """Raise `DataError` when the rows of ``where`` are those of a table."""
        if not sequences:
            raise DataError(
                f"{where} has rows of {counted(len(self.columns), 'number')}, but the model reads sequences of "
                "such vectors"
            )

    def _no_rows(self) -> Block:
        """Return a block without rows."""
        return replace(super()._no_rows(), offsets=np.zeros(1, dtype=np.int64))

    def _unusable(self, block: Block, reading: RowReading) -> dict[int, str]:
        """Return index -> reason for sequences without a logarithm, or too long where they are not truncated."""
        positions = self.known_scale.unreadable(block.values)
        rows = np.searchsorted(block.sequences.offsets, list(positions), side="right") - 1
        reasons = dict(zip(rows.tolist(), positions.values(), strict=True))
        if reading.window_overlap is None and not reading.data.truncate:
            lengths = block.sequences.lengths
            too_long = np.flatnonzero(lengths > reading.max_length).tolist()
            reasons |= {row: f"too long: {lengths[row]} > {reading.max_length}" for row in too_long}
        return reasons

    def _chunk(
        self, block: Block, rejected: Sequence[RejectedRow], copied: dict[str, list[str]], reading: RowReading
    ) -> RowChunk:
        """Merge the sequences of a block, split or truncated, and rejected rows."""
        sequences, longest = block.sequences, reading.max_length
        if reading.window_overlap is not None:
            parts, windows = split_sequences(sequences, longest, reading.window_overlap)
            return replace(value_chunk(block.numbers, parts, rejected, copied), windows=windows)
        chunk = value_chunk(block.numbers, sequences.shortened(longest), rejected, copied)
        lengths = sequences.lengths
        for row in np.flatnonzero(lengths > longest).tolist():
            sentence = f"truncated to {longest:,} of {lengths[row]:,} positions"
            chunk.truncated[int(chunk.usable[row])] = sentence
        return chunk

    def read_memory(self, reading: RowReading, rows: MemoryRows) -> Iterator[RowChunk]:
        """Stream sequences in memory: n arrays (n_i, C), or a table with a column of lists for each channel.

        Columns with names are taken by name. Raises `DataError` for other rows.
        """
        earlier: list[RejectedRow] = []
        for record in sequences_by_name(rows, self.columns) or self._blocks(rows):
            if isinstance(record, RejectedRow):
                earlier.append(record)
                continue
            known = without_sentinels(record.values, sentinels_of(reading.registry, reading.data))
            block = replace(record, values=known)
            reasons = dict.fromkeys(np.flatnonzero(block.empty).tolist(), EMPTY)
            infinite = block.sequences.with_infinity()
            reasons |= dict.fromkeys(np.flatnonzero(infinite).tolist(), "not a finite float32 number")
            reasons |= self._unusable(block, reading)
            kept = block.take(np.setdiff1d(np.arange(len(block)), list(reasons)))
            yield self._chunk(kept, [*earlier, *rejected_rows(block, reasons)], {}, reading)
            earlier = []
        if earlier:
            nothing = Sequences.joined([], len(self.columns))
            yield value_chunk(np.zeros(0, dtype=np.int64), nothing, earlier)

    def _blocks(self, rows: MemoryRows) -> Iterator[Block]:
        """Yield the blocks of arrays (n_i, C)."""
        listed, start = iter(rows), 0
        while part := list(islice(listed, ROWS_IN_CHUNK)):
            arrays = [self._vectors(row, number) for number, row in enumerate(part, start=start + 1)]
            numbers = np.arange(start + 1, start + 1 + len(arrays))
            sequences = Sequences.joined(arrays, len(self.columns))
            yield Block(numbers, sequences.values, (), self.columns, sequences.offsets)
            start += len(part)

    def _vectors(self, row: Any, number: int) -> NDArray[np.float32]:  # noqa: ANN401 - rows of the caller
        """Return a sequence (n_i, C) as float32."""
        channels = counted(len(self.columns), "channel")
        expected = f"this model reads sequences of {channels} ({', '.join(self.columns[:8])})"
        try:
            with np.errstate(over="ignore"):
                vectors = np.asarray(row, dtype=np.float64).astype(np.float32)
        except (TypeError, ValueError) as error:
            raise DataError(f"{expected}: row {number:,} must be an array of numbers") from error
        if vectors.ndim != 2 or vectors.shape[1] != len(self.columns):
            raise DataError(f"{expected}, but row {number:,} has the shape {vectors.shape}")
        return vectors

    def check_windows(self, overlap: int, max_length: int) -> None:
        """Raise `UserError` when windows of ``max_length`` positions cannot share ``overlap`` of them."""
        check_overlap(overlap, max_length, separators=0)

    def padded_lengths(self, inputs: RowInputs) -> NDArray[np.int64]:
        """Return the number of positions (m,) of each row, rounded up to a multiple of `MULTIPLE`."""
        assert isinstance(inputs, Sequences), "rows are sequences"
        return -(-inputs.lengths // MULTIPLE) * MULTIPLE

    def batch(self, inputs: RowInputs, places: NDArray[np.int64], max_length: int) -> Batch:
        """Standardise and collate the rows at ``places`` of ``inputs``."""
        sequences = take_inputs(inputs, places)
        assert isinstance(sequences, Sequences), "rows are sequences"
        return collate_sequences(sequences, self.known_scale, max_length=max_length)
