"""Rows of a store -> one padded batch of tensors, with no Python per id.

Letters: B inputs in the batch, N padded length, n_b real length of input b, K targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sma_core.data.store import Store
from sma_core.data.tokenizers import Encoded, gather_index

MULTIPLE = 8
"""Padded lengths are multiples of this, which matrix units like, and which makes fewer shapes."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded inputs and what belongs to them."""

    inputs: Tensor
    """(B, N) int64 ids; the pad id after each input's end."""
    padding_mask: Tensor
    """(B, N) bool, True at real positions."""
    labels: Tensor | None
    """(B, K) float32, NaN where missing; None without labels."""
    rows: NDArray[np.int64]
    """Store indices of the rows, input after input."""

    def __len__(self) -> int:
        return self.inputs.shape[0]

    def to(self, device: torch.device | str) -> Batch:
        """Give the same batch on another device."""
        labels = None if self.labels is None else self.labels.to(device, non_blocking=True)
        return Batch(
            self.inputs.to(device, non_blocking=True),
            self.padding_mask.to(device, non_blocking=True),
            labels,
            self.rows,
        )

    def pin(self) -> Batch:
        """Give the same batch in page-locked memory, from which copies to a GPU can overlap."""
        labels = None if self.labels is None else self.labels.pin_memory()
        return Batch(self.inputs.pin_memory(), self.padding_mask.pin_memory(), labels, self.rows)


def collate(
    store: Store,
    groups: Sequence[NDArray[np.int64]],
    pad_id: int,
    multiple: int = MULTIPLE,
    max_length: int | None = None,
) -> Batch:
    """Pad the inputs ``groups``, each an array of row indices whose ids are joined, to one length N.

    N is the longest input rounded up to ``multiple``, at most ``max_length``. Labels come along when
    the store has targets and every input is one row.
    """
    rows = np.concatenate(groups)
    lengths = store.lengths[rows]
    sizes = np.fromiter(map(len, groups), dtype=np.int64, count=len(groups))
    totals = np.add.reduceat(lengths, np.cumsum(sizes) - sizes, dtype=np.int64)
    inputs, mask = _pad(
        store.flat[gather_index(store.starts[rows], lengths)], totals, pad_id, multiple, max_length
    )
    labels = None
    if store.targets is not None and len(rows) == len(groups):
        labels = torch.from_numpy(store.targets[rows])
    return Batch(torch.from_numpy(inputs), torch.from_numpy(mask), labels, rows)


def collate_encoded(
    encoded: Encoded, pad_id: int, multiple: int = MULTIPLE, max_length: int | None = None
) -> Batch:
    """Pad freshly tokenized rows, one an input; ``rows`` are their positions."""
    inputs, mask = _pad(encoded.values, encoded.lengths, pad_id, multiple, max_length)
    return Batch(torch.from_numpy(inputs), torch.from_numpy(mask), None, np.arange(len(encoded)))


def _pad(
    values: NDArray[Any], totals: NDArray[np.int64], pad_id: int, multiple: int, max_length: int | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Spread ids that stand end to end over rows: ids (B, N) int64 and mask (B, N), True = real."""
    longest = int(totals.max())
    width = -(-longest // multiple) * multiple
    if max_length is not None:
        if longest > max_length:
            raise ValueError(f"an input of {longest} ids is longer than max_length {max_length}")
        width = min(width, max_length)
    mask = np.arange(width) < totals[:, None]
    inputs = np.full(mask.shape, pad_id, dtype=np.int64)
    inputs[mask] = values
    return inputs, mask
