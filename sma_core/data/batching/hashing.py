"""Pseudo-random numbers that depend only on their arguments.

Data order and the held-out rows must be equal on every machine and with every version of NumPy, or a resumed run
would train on other rows. A generator's stream may change between versions; this integer hash (the finaliser of
splitmix64) does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_ALL = (1 << 64) - 1


def hashed(numbers: NDArray[np.int64], *seeds: int) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each number (n,), for a sequence of seeds."""
    state = 0
    for seed in seeds:
        state = int(_mixed(np.array([(state + seed + 1) * _GOLDEN & _ALL], dtype=np.uint64))[0])
    with np.errstate(over="ignore"):
        keyed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN) + np.uint64(state)
    return _mixed(keyed)


def shuffled(count: int, *seeds: int) -> NDArray[np.int64]:
    """Return a permutation of 0 … count - 1 (count,) that depends only on the seeds."""
    return np.argsort(hashed(np.arange(count, dtype=np.int64), *seeds), kind="stable")


def chosen(numbers: NDArray[np.int64], share: float, *seeds: int) -> NDArray[np.bool_]:
    """Return a mask (n,) that selects about the share ``share`` of the numbers."""
    return hashed(numbers, *seeds) < np.uint64(min(int(share * 2.0**64), _ALL))


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        state = (state ^ (state >> np.uint64(30))) * _FIRST
        state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))
