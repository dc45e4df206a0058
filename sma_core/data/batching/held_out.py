"""Select the rows for the held-out loss: a pure function of row numbers, independent of store and shards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import chosen
from sma_core.errors import DataError

SEED = 0


def split_held_out(
    numbers: NDArray[np.int64], share: float, name: str, seed: int = SEED
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of training rows and held-out rows, for rows with ``numbers`` (n,).

    Windows of one row have its number, and are on one side. Neither side is empty: if needed, the last row is
    moved. Raises `DataError`, with ``name``, for fewer than two rows.
    """
    last = numbers == numbers[-1:]
    if last.all():
        raise DataError(f"{name} has only one usable row; training and the held-out loss need one each")
    held_out = chosen(numbers, share, seed)
    if not held_out.any():
        held_out[last] = True
    elif held_out.all():
        held_out[last] = False
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
