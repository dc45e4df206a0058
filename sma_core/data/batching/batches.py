"""Collate rows of a store into a padded batch of tensors.

Letters: B inputs in the batch, N padded length, n_b real length of input b, C channels, K targets, L padded number
of labelled characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sma_core.data.scaling import FeatureScale
from sma_core.data.sequences import Sequences
from sma_core.data.tokenizers import EncodedRows, gather_index

if TYPE_CHECKING:  # imports Arrow, which batches made in memory do not need
    from sma_core.data.store.store import Store

MULTIPLE = 8
"""Padded lengths are multiples of this: faster on matrix units, and fewer distinct shapes."""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a batch of ``total`` inputs on this rank: every ``stride``-th from ``start``."""

    total: int
    start: int = 0
    stride: int = 1

    @classmethod
    def of(cls, total: int, rank: int, ranks: int) -> Share:
        """Return the share of a rank; a batch of fewer inputs than ranks goes to every rank entirely."""
        return cls(total) if total < ranks else cls(total, rank, ranks)

    @property
    def indices(self) -> slice:
        """Indices of these inputs in the full batch."""
        return slice(self.start, None, self.stride)


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded inputs with mask, labels and row indices."""

    inputs: Tensor
    """(B, N) int64 ids, padded with the pad id; or (B, N, C) float32 values, padded with 0."""
    padding_mask: Tensor
    """(B, N) bool, True at real positions."""
    labels: Tensor | None
    """(B, K) float64; for labels of positions (B, N) float32, or with ``owners`` (B, L); NaN where missing; None
    without labels."""
    rows: NDArray[np.int64]
    """Store indices of the rows, in the order of inputs."""
    share: Share | None = None
    """This rank's share of a batch that several ranks divide; None: all inputs."""
    complete: bool = True
    """Whether no value is missing."""
    owners: Tensor | None = None
    """(B, L) int64 position of the id that stands for each labelled character, -1 at padding; None: each position
    has a label of its own."""

    def __len__(self) -> int:
        return self.inputs.shape[0]

    @property
    def total(self) -> int:
        """Number of inputs of the full batch, over all ranks."""
        return len(self) if self.share is None else self.share.total

    def at_labels(self, values: Tensor) -> Tensor:
        """Return vectors of positions (B, N, C) as those of the labels: the same, or with ``owners`` (B, L, C)."""
        if self.owners is None:
            return values
        index = self.owners.clamp(min=0)[:, :, None].expand(-1, -1, values.shape[-1])
        return torch.gather(values, 1, index)

    @property
    def labelled(self) -> Tensor:
        """Where labels of positions are not padding (B, N) or (B, L), bool."""
        return self.padding_mask if self.owners is None else self.owners >= 0

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on another device."""
        labels = self.labels
        if labels is not None:
            if torch.device(device).type == "mps":  # which has no float64
                labels = labels.float()
            labels = labels.to(device, non_blocking=True)
        inputs = self.inputs.to(device, non_blocking=True)
        mask = self.padding_mask.to(device, non_blocking=True)
        owners = None if self.owners is None else self.owners.to(device, non_blocking=True)
        return replace(self, inputs=inputs, padding_mask=mask, labels=labels, owners=owners)

    def pin_memory(self) -> Batch:
        """Return the batch in page-locked memory, for asynchronous copies to a GPU.

        Called by torch's data loader under this name.
        """
        labels = None if self.labels is None else self.labels.pin_memory()
        inputs, padding_mask = self.inputs.pin_memory(), self.padding_mask.pin_memory()
        owners = None if self.owners is None else self.owners.pin_memory()
        return replace(self, inputs=inputs, padding_mask=padding_mask, labels=labels, owners=owners)


def collate(
    store: Store,
    groups: Sequence[NDArray[np.int64]],
    pad_id: int = 0,
    multiple: int | None = None,
    max_length: int | None = None,
    scale: FeatureScale | None = None,
    share: Share | None = None,
) -> Batch:
    """Pad the inputs ``groups``, each an array of row indices whose ids are concatenated, to one length N.

    N is the longest input rounded up to ``multiple``, at most ``max_length``; for tables of numbers it is rounded
    up only when ``multiple`` is given. Numbers are standardised with ``scale``. Labels are included when the store
    has labels and every input is one row. With ``share``, only its inputs are read, at the padded length of the
    full batch.
    """
    longest = max(int(store.lengths[group].sum()) for group in groups) if share is not None else None
    groups = groups if share is None else groups[share.indices]
    rows = np.concatenate(groups)
    lengths = store.lengths[rows]
    sizes = np.fromiter(map(len, groups), dtype=np.int64, count=len(groups))
    totals = np.add.reduceat(lengths, np.cumsum(sizes) - sizes, dtype=np.int64)
    flat = store.gather(rows)
    if store.metadata.sequences:
        mask = _padding_mask(totals, multiple or MULTIPLE, max_length, longest)
        inputs = _scatter(flat if scale is None else scale(flat), mask, 0.0)
    elif store.metadata.holds_values:
        values = flat.reshape(len(rows), -1)
        inputs, mask = _padded_values(values if scale is None else scale(values), multiple or 1, max_length)
    else:
        mask = _padding_mask(totals, multiple or MULTIPLE, max_length, longest)
        inputs = _scatter(flat.astype(np.int64), mask, pad_id)
    if len(rows) != len(groups):
        return _batch(inputs, mask, None, rows, share)
    return replace(_batch(inputs, mask, _labels(store, rows, mask), rows, share), owners=_owners(store, rows))


def _batch(
    inputs: NDArray[Any],
    mask: NDArray[np.bool_],
    labels: Tensor | None,
    rows: NDArray[np.int64],
    share: Share | None = None,
) -> Batch:
    complete = inputs.dtype.kind != "f" or not bool(np.isnan(inputs).any())
    return Batch(torch.from_numpy(inputs), torch.from_numpy(mask), labels, rows, share, complete)


def _labels(store: Store, rows: NDArray[np.int64], mask: NDArray[np.bool_]) -> Tensor | None:
    """Return labels of rows (B, K), positions (B, N) or characters (B, L); None for a store without labels."""
    symbols = store.symbol_labels(rows)
    if symbols is not None:
        labelled = _label_mask(store, rows) if store.metadata.by_character else mask
        return torch.from_numpy(_scatter(symbols, labelled, np.nan))
    return None if store.targets is None else torch.from_numpy(store.targets[rows])


def _owners(store: Store, rows: NDArray[np.int64]) -> Tensor | None:
    """Return the position of the id that stands for each character (B, L); None if each id has its own label."""
    counts = store.characters(rows)
    if counts is None:
        return None
    lengths = store.lengths[rows].astype(np.int64)
    positions = gather_index(np.zeros(len(rows), dtype=np.int64), lengths)  # (T,) of each id in its row
    return torch.from_numpy(_scatter(np.repeat(positions, counts), _label_mask(store, rows), -1))


def _label_mask(store: Store, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where labels of characters are not padding (B, L)."""
    return _padding_mask(store.label_lengths[rows].astype(np.int64), MULTIPLE, None)


def collate_encoded(
    encoded: EncodedRows, pad_id: int, multiple: int = MULTIPLE, max_length: int | None = None
) -> Batch:
    """Pad tokenized rows, one per input; ``rows`` of the batch are their indices."""
    mask = _padding_mask(encoded.lengths, multiple, max_length)
    inputs = _scatter(encoded.values.astype(np.int64), mask, pad_id)
    return _batch(inputs, mask, None, np.arange(len(encoded)))


def collate_values(
    values: NDArray[np.float32], scale: FeatureScale, multiple: int = 1, max_length: int | None = None
) -> Batch:
    """Standardise rows of numbers (B, F), one per input; ``rows`` of the batch are their indices."""
    inputs, mask = _padded_values(scale(values), multiple, max_length)
    return _batch(inputs, mask, None, np.arange(len(values)))


def collate_sequences(
    sequences: Sequences, scale: FeatureScale, multiple: int = MULTIPLE, max_length: int | None = None
) -> Batch:
    """Standardise and pad B sequences, one per input; ``rows`` of the batch are their indices."""
    mask = _padding_mask(sequences.lengths, multiple, max_length)
    inputs = _scatter(scale(sequences.values), mask, 0.0)  # (T, C) -> (B, N, C)
    return _batch(inputs, mask, None, np.arange(len(sequences)))


def _padded_values(
    values: NDArray[np.float32], multiple: int, max_length: int | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pad standardised values (B, F) with 0; return (B, N, 1), one channel, and the mask (B, N)."""
    mask = _padding_mask(np.full(len(values), values.shape[1], dtype=np.int64), multiple, max_length)
    padded = values if mask.shape == values.shape else _scatter(values.reshape(-1), mask, 0.0)
    return padded[:, :, None], mask


def _padding_mask(
    totals: NDArray[np.int64], multiple: int, max_length: int | None, longest: int | None = None
) -> NDArray[np.bool_]:
    """Return the padding mask (B, N), True = real, for lengths (B,); N fits ``longest``, also on another rank."""
    longest = int(totals.max()) if longest is None else longest
    width = -(-longest // multiple) * multiple
    if max_length is not None:
        if longest > max_length:
            raise ValueError(f"an input of {longest} ids is longer than max_length {max_length}")
        width = min(width, max_length)
    return np.arange(width) < totals[:, None]


def _scatter(values: NDArray[Any], mask: NDArray[np.bool_], fill: float) -> NDArray[Any]:
    """Scatter values (T,) or vectors (T, C) to the True positions of ``mask`` (B, N); the others get ``fill``."""
    padded = np.full((*mask.shape, *values.shape[1:]), fill, dtype=values.dtype)
    padded[mask] = values
    return padded
