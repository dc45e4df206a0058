"""Overlapping windows over texts and sequences that are longer than a model reads.

Letters: m rows, k windows of all rows together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sma_core.data.sequences import Sequences, bounds_of
from sma_core.data.tokenizers import EncodedRows, gather_index
from sma_core.errors import UserError

Float = TypeVar("Float", bound=np.floating)


@dataclass(frozen=True)
class Windows:
    """The windows of m rows, in order; a row that fits into the model has one.

    ``rows`` (k,) is the index of the row of each window, from 0 to m - 1. ``begins`` and ``ends`` (k,) bound the
    positions of a window that stand for its row: neighbours divide their overlap at its middle.
    """

    rows: NDArray[np.int64]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def firsts(self) -> NDArray[np.int64]:
        """The index of the first window of each row (m,)."""
        return np.flatnonzero(np.diff(self.rows, prepend=-1))

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of windows of each row (m,)."""
        return np.diff(self.firsts, append=len(self.rows))

    @property
    def followed(self) -> NDArray[np.bool_]:
        """Whether each window (k,) is followed by another one of its row."""
        followed: NDArray[np.bool_] = np.diff(self.rows, append=-1) == 0
        return followed

    def of_rows(self, first: int, last: int) -> tuple[NDArray[np.int64], Windows]:
        """Return the indices of the windows of the rows ``first`` to ``last`` - 1, and these windows."""
        begin, end = np.searchsorted(self.rows, (first, last)).tolist()
        windows = Windows(self.rows[begin:end] - first, self.begins[begin:end], self.ends[begin:end])
        return np.arange(begin, end), windows

    def mean(self, values: NDArray[Float]) -> NDArray[Float]:
        """Return the mean over the windows of each row (m, …) of ``values`` (k, …)."""
        if len(self.rows) == 0:
            return values
        counts = self.counts.reshape(-1, *[1] * (values.ndim - 1))
        mean: NDArray[Float] = (np.add.reduceat(values, self.firsts, axis=0) / counts).astype(values.dtype)
        return mean

    def joined(self, values: Sequence[NDArray[Float]]) -> list[NDArray[Float]]:
        """Return the values of all positions of each row, from those of each window (N, …)."""
        kept = [part[begin:end] for part, begin, end in zip(values, self.begins, self.ends, strict=True)]
        bounds = [*self.firsts.tolist(), len(kept)]
        return [np.concatenate(kept[begin:end]) for begin, end in pairwise(bounds)]


def check_overlap(overlap: int, max_length: int, separators: int) -> None:
    """Raise `UserError` unless windows that share ``overlap`` inputs reach further.

    Of the ``max_length`` inputs of a window, ``separators`` are a separator at its end.
    """
    most = max_length - separators - 1
    if not isinstance(overlap, int) or isinstance(overlap, bool) or not 0 <= overlap <= most:
        raise UserError(
            f"`window_overlap={overlap}` must be a whole number from 0 to {most:,}: a window has {max_length:,} "
            f"{'ids' if separators else 'positions'}"
        )


def split_texts(
    encoded: EncodedRows, max_length: int, overlap: int, separator_id: int
) -> tuple[EncodedRows, Windows]:
    """Split rows of more than ``max_length`` ids into windows of that length; each ends with the separator.

    Consecutive windows of a row share at least ``overlap`` ids; the last window ends with the row.
    """
    starts, offsets, windows = _windows(encoded.lengths, max_length, overlap, separators=1)
    values = encoded.values[gather_index(encoded.offsets[:-1][windows.rows] + starts, np.diff(offsets))]
    values[offsets[1:][windows.followed] - 1] = separator_id
    return EncodedRows(values, offsets), windows


def split_sequences(sequences: Sequences, max_length: int, overlap: int) -> tuple[Sequences, Windows]:
    """Split sequences of more than ``max_length`` positions into windows of that length.

    Consecutive windows of a row share at least ``overlap`` positions; the last window ends with the row.
    """
    starts, offsets, windows = _windows(sequences.lengths, max_length, overlap, separators=0)
    index = gather_index(sequences.offsets[:-1][windows.rows] + starts, np.diff(offsets))
    return Sequences(sequences.values[index], offsets), windows


def _windows(
    lengths: NDArray[np.int64], max_length: int, overlap: int, separators: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Windows]:
    """Return the first position of each window in its row (k,), the offsets of the windows (k + 1,), and these."""
    own = max_length - separators  # positions of a window that are its row's
    stride = own - overlap
    counts = np.where(lengths > max_length, -(-(lengths - max_length) // stride) + 1, 1)
    rows = np.repeat(np.arange(len(lengths)), counts)
    order = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.minimum(order * stride, np.maximum(lengths - max_length, 0)[rows])
    sizes = np.minimum(lengths, max_length)[rows]
    middles = (starts[:-1] + own + starts[1:]) // 2  # (k - 1,) between a window and the next
    begins, ends = np.zeros(len(rows), dtype=np.int64), sizes.copy()
    windows = Windows(rows, begins, ends)
    followed = windows.followed[:-1]
    ends[:-1][followed] = (middles - starts[:-1])[followed]
    begins[1:][followed] = (middles - starts[1:])[followed]
    return starts, bounds_of(sizes), windows
