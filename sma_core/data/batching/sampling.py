"""The order of an epoch: batches of rows of like length, a pure function of (seed, epoch, lengths).

Rows are shuffled, pools of some batches are sorted by length, cut, and the batches shuffled again. A
batch then needs little padding, and a resumed run finds the same batches from two numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import shuffled

POOL_BATCHES = 64
_ROWS, _BATCHES = 1, 2
"""What is shuffled: a different order for each, with the same seed and epoch."""


def batches(
    lengths: NDArray[np.integer],
    batch_size: int,
    seed: int,
    epoch: int,
    *,
    pool_batches: int = POOL_BATCHES,
    drop_last: bool = False,
) -> list[NDArray[np.int64]]:
    """Row indices of each batch of an epoch; every row of ``lengths`` (n,) occurs once.

    All batches have ``batch_size`` rows except at most one smaller one, which holds the remainder and
    stands anywhere in the order. With ``drop_last`` the remainder (other rows in each epoch) is left
    out, unless it is all there is.
    """
    order = shuffled(len(lengths), seed, epoch, _ROWS)
    order = order[np.lexsort((lengths[order], np.arange(len(order)) // (pool_batches * batch_size)))]
    return cut(order, batch_size, seed, epoch, drop_last)


def cut(
    order: NDArray[np.int64], batch_size: int, seed: int, epoch: int, drop_last: bool
) -> list[NDArray[np.int64]]:
    """Cut an order of items (n,) into batches and shuffle these."""
    pieces = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    if drop_last and len(pieces) > 1 and len(pieces[-1]) < batch_size:
        pieces.pop()
    return [pieces[at] for at in shuffled(len(pieces), seed, epoch, _BATCHES).tolist()]
