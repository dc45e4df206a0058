"""Batches of rows of similar length, a pure function of (seed, epoch, lengths).

Rows are shuffled, pools of `POOL_BATCHES` batches are sorted by length and cut into batches, and the batches are
shuffled. Batches need little padding, and a resumed run gets the same ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import shuffled

POOL_BATCHES = 64
_ROWS, _BATCHES = 1, 2
"""Parts of the seeds of the two shuffles."""


def batches(
    lengths: NDArray[np.integer],
    batch_size: int,
    seed: int,
    epoch: int,
    *,
    pool_batches: int = POOL_BATCHES,
    drop_last: bool = False,
) -> list[NDArray[np.int64]]:
    """Return the row indices of each batch of an epoch; every row of ``lengths`` (n,) occurs once.

    At most one batch, anywhere in the order, has fewer than ``batch_size`` rows. ``drop_last`` drops it unless it
    is the only one.
    """
    order = shuffled(len(lengths), seed, epoch, _ROWS)
    order = order[np.lexsort((lengths[order], np.arange(len(order)) // (pool_batches * batch_size)))]
    return cut(order, batch_size, seed, epoch, drop_last)


def cut(
    order: NDArray[np.int64], batch_size: int, seed: int, epoch: int, drop_last: bool
) -> list[NDArray[np.int64]]:
    """Cut ``order`` (n,) into batches and shuffle the batches."""
    pieces = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    if drop_last and len(pieces) > 1 and len(pieces[-1]) < batch_size:
        pieces.pop()
    return [pieces[index] for index in shuffled(len(pieces), seed, epoch, _BATCHES).tolist()]
