"""Rows of a store -> one padded batch of tensors, with no Python per id.

Letters: B inputs in the batch, N padded length, n_b real length of input b, C channels, K targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sma_core.data.scaling import FeatureScale
from sma_core.data.tokenizers import EncodedRows

if TYPE_CHECKING:  # it brings Arrow, which a batch that was made in memory can do without
    from sma_core.data.store.store import Store

MULTIPLE = 8
"""Padded lengths are multiples of this, which matrix units like, and which makes fewer shapes."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which inputs of a batch of ``total`` are here: every ``stride``-th from ``start``."""

    total: int
    start: int = 0
    stride: int = 1

    @classmethod
    def of(cls, total: int, rank: int, ranks: int) -> Share:
        """The share of one of several ranks; a batch of fewer inputs than ranks goes to each of them whole."""
        return cls(total) if total < ranks else cls(total, rank, ranks)

    @property
    def places(self) -> slice:
        """The places of these inputs in the whole batch."""
        return slice(self.start, None, self.stride)


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded inputs and what belongs to them."""

    inputs: Tensor
    """(B, N) int64 ids, the pad id after each input's end; or (B, N, C) float32 numbers, 0 after the end."""
    padding_mask: Tensor
    """(B, N) bool, True at real positions."""
    labels: Tensor | None
    """(B, K) float32, or (B, N) where every position is labelled; NaN where missing; None without labels."""
    rows: NDArray[np.int64]
    """Store indices of the rows, input after input."""
    share: Share | None = None
    """Which inputs these are of a batch that several ranks divide; None: all."""

    def __len__(self) -> int:
        return self.inputs.shape[0]

    @property
    def total(self) -> int:
        """How many inputs the whole batch has, those on other ranks too."""
        return len(self) if self.share is None else self.share.total

    def to(self, device: torch.device | str) -> Batch:
        """Give the same batch on another device."""
        labels = None if self.labels is None else self.labels.to(device, non_blocking=True)
        return Batch(
            self.inputs.to(device, non_blocking=True),
            self.padding_mask.to(device, non_blocking=True),
            labels,
            self.rows,
            self.share,
        )

    def pin_memory(self) -> Batch:
        """Give the same batch in page-locked memory, from which copies to a GPU can overlap.

        The name is the one that torch's loader looks for.
        """
        labels = None if self.labels is None else self.labels.pin_memory()
        return Batch(self.inputs.pin_memory(), self.padding_mask.pin_memory(), labels, self.rows, self.share)


def collate(
    store: Store,
    groups: Sequence[NDArray[np.int64]],
    pad_id: int = 0,
    multiple: int | None = None,
    max_length: int | None = None,
    scale: FeatureScale | None = None,
    share: Share | None = None,
) -> Batch:
    """Pad the inputs ``groups``, each an array of row indices whose ids are joined, to one length N.

    N is the longest input rounded up to ``multiple``, at most ``max_length``; rows of numbers, which are all
    as long, are not rounded up unless ``multiple`` says so, and are standardised with ``scale``. Labels
    come along when the store has any and every input is one row. Of a ``share`` only its inputs are read, at the
    padded length of the whole batch.
    """
    longest = max(int(store.lengths[group].sum()) for group in groups) if share is not None else None
    groups = groups if share is None else groups[share.places]
    rows = np.concatenate(groups)
    lengths = store.lengths[rows]
    sizes = np.fromiter(map(len, groups), dtype=np.int64, count=len(groups))
    totals = np.add.reduceat(lengths, np.cumsum(sizes) - sizes, dtype=np.int64)
    flat = store.gather(rows)
    if store.metadata.holds_values:
        values = flat.reshape(len(rows), -1)
        inputs, mask = _padded_values(values if scale is None else scale(values), multiple or 1, max_length)
    else:
        mask = _real(totals, multiple or MULTIPLE, max_length, longest)
        inputs = _spread(flat.astype(np.int64), mask, pad_id)
    labels = _labels(store, rows, mask) if len(rows) == len(groups) else None
    return Batch(torch.from_numpy(inputs), torch.from_numpy(mask), labels, rows, share)


def _labels(store: Store, rows: NDArray[np.int64], mask: NDArray[np.bool_]) -> Tensor | None:
    """Labels of rows (B, K), or of positions (B, N); None in a store without any."""
    symbols = store.symbol_labels(rows)
    if symbols is not None:
        return torch.from_numpy(_spread(symbols, mask, np.nan))
    return None if store.targets is None else torch.from_numpy(store.targets[rows])


def collate_encoded(
    encoded: EncodedRows, pad_id: int, multiple: int = MULTIPLE, max_length: int | None = None
) -> Batch:
    """Pad freshly tokenized rows, one an input; ``rows`` are their positions."""
    mask = _real(encoded.lengths, multiple, max_length)
    inputs = _spread(encoded.values.astype(np.int64), mask, pad_id)
    return Batch(torch.from_numpy(inputs), torch.from_numpy(mask), None, np.arange(len(encoded)))


def collate_values(
    values: NDArray[np.float32], scale: FeatureScale, multiple: int = 1, max_length: int | None = None
) -> Batch:
    """Standardise rows of numbers (B, F), one an input; ``rows`` are their positions."""
    inputs, mask = _padded_values(scale(values), multiple, max_length)
    return Batch(torch.from_numpy(inputs), torch.from_numpy(mask), None, np.arange(len(values)))


def _padded_values(
    values: NDArray[np.float32], multiple: int, max_length: int | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pad standardised values (B, F) with 0 and give them one channel: (B, N, 1) and mask (B, N)."""
    mask = _real(np.full(len(values), values.shape[1], dtype=np.int64), multiple, max_length)
    padded = values if mask.shape == values.shape else _spread(values.reshape(-1), mask, 0.0)
    return padded[:, :, None], mask


def _real(
    totals: NDArray[np.int64], multiple: int, max_length: int | None, longest: int | None = None
) -> NDArray[np.bool_]:
    """Mask (B, N) of inputs of these lengths (B,), True = real; room for a ``longest`` that is elsewhere."""
    longest = int(totals.max()) if longest is None else longest
    width = -(-longest // multiple) * multiple
    if max_length is not None:
        if longest > max_length:
            raise ValueError(f"an input of {longest} ids is longer than max_length {max_length}")
        width = min(width, max_length)
    return np.arange(width) < totals[:, None]


def _spread(values: NDArray[Any], mask: NDArray[np.bool_], fill: float) -> NDArray[Any]:
    """Spread values that stand end to end over the real places of ``mask`` (B, N)."""
    spread = np.full(mask.shape, fill, dtype=values.dtype)
    spread[mask] = values
    return spread
