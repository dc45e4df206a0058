"""Batches of a store by epoch and index, so that training can resume anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.batches import Batch, Share, collate
from sma_core.data.batching.mixing import Mixture
from sma_core.data.batching.packing import EpochPlan, Packing, plan_epoch
from sma_core.data.scaling import FeatureScale
from sma_core.data.store.store import Store


class StoreSource:
    """Epochs over a store, or over selected or mixed ``rows``: a pure function of seed, epoch and lengths.

    ``scale`` standardises rows of numbers. Each of several ``ranks`` gets a share of every batch, so batches do
    not depend on the number of ranks. The plan of the last requested epoch is cached.
    """

    def __init__(
        self,
        store: Store,
        batch_size: int,
        max_length: int,
        pad_id: int,
        seed: int,
        packing: Packing = "single",
        rows: NDArray[np.int64] | Mixture | None = None,
        scale: FeatureScale | None = None,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self._store, self._batch_size, self._max_length = store, batch_size, max_length
        self._pad_id, self._seed, self._packing, self._scale = pad_id, seed, packing, scale
        self._rows = np.arange(len(store)) if rows is None else rows
        self._rank, self._ranks = rank, ranks
        self._planned: tuple[int, NDArray[np.int64], EpochPlan] | None = None

    def batches_in(self, epoch: int) -> int:
        """Return the number of batches in an epoch."""
        return len(self._plan(epoch)[1])

    def batch(self, epoch: int, index: int) -> Batch:
        """Return batch ``index`` of ``epoch``, or this rank's share of it."""
        rows, plan = self._plan(epoch)
        groups = [rows[group] for group in plan[index]]
        share = Share.of(len(groups), self._rank, self._ranks) if self._ranks > 1 else None
        return collate(self._store, groups, self._pad_id, None, self._max_length, self._scale, share)

    def _plan(self, epoch: int) -> tuple[NDArray[np.int64], EpochPlan]:
        """Return the rows of an epoch, and its batches as indices into them."""
        if self._planned is None or self._planned[0] != epoch:
            rows = self._rows.rows(epoch) if isinstance(self._rows, Mixture) else self._rows
            lengths = self._store.lengths[rows]
            plan = plan_epoch(lengths, self._batch_size, self._packing, self._max_length, self._seed, epoch)
            self._planned = (epoch, rows, plan)
        return self._planned[1:]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the cached plan."""
        return self.__dict__ | {"_planned": None}


def fixed_batches(
    store: Store,
    rows: NDArray[np.int64],
    batch_size: int,
    pad_id: int,
    max_length: int,
    scale: FeatureScale | None = None,
) -> Sequence[Batch]:
    """Return batches of ``rows`` sorted by length, in a fixed order, for evaluation."""
    ordered = rows[np.argsort(store.lengths[rows], kind="stable")]
    groups = [ordered[start : start + batch_size] for start in range(0, len(ordered), batch_size)]
    return [collate(store, list(group[:, None]), pad_id, max_length=max_length, scale=scale) for group in groups]
