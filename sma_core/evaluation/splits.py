"""Dividing labelled rows into training, validation and test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sma_core.errors import DataError

Indices: TypeAlias = NDArray[np.int64]


def random_split(texts: Sequence[str], valid: float, test: float, seed: int) -> tuple[Indices, Indices, Indices]:
    """Draw the test rows, then the validation rows, at random with ``seed``; the rest is for training."""
    order = np.random.default_rng(seed).permutation(len(texts))
    tests, valids = round(test * len(texts)), round(valid * len(texts))
    return np.sort(order[tests + valids :]), np.sort(order[tests : tests + valids]), np.sort(order[:tests])


def check_split(parts: tuple[Indices, Indices, Indices], rows: int, name: str) -> None:
    """Raise `DataError` when a part is empty, or a row is in two parts or outside the set."""
    for part, what in zip(parts, ("training", "validation", "test"), strict=True):
        if len(part) == 0:
            raise DataError(f"the {name!r} split of {rows} rows leaves no row for {what}: the set is too small")
    together = np.concatenate(parts)
    if len(np.unique(together)) != len(together) or together.min() < 0 or together.max() >= rows:
        raise DataError(f"the splitter {name!r} gave a row twice or a row that does not exist")
