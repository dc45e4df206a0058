"""Which rows are kept apart for the held-out loss: a pure function of their numbers, so of no store or shard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import chosen
from sma_core.errors import DataError

SEED = 0


def split_held_out(
    numbers: NDArray[np.int64], share: float, name: str, seed: int = SEED
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the rows to train on and of those kept apart, for rows with these ``numbers`` (n,).

    Neither is empty: with few rows the last one makes up for it. Raises `DataError` naming the data when there is
    one row only.
    """
    if len(numbers) < 2:
        raise DataError(f"{name} holds one usable row only; training and the held-out loss need one each")
    apart = chosen(numbers, share, seed)
    if not apart.any():
        apart[-1] = True
    elif apart.all():
        apart[-1] = False
    return np.flatnonzero(~apart), np.flatnonzero(apart)
