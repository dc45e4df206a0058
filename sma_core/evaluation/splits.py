"""Split labelled rows into training, validation and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import hashed, shuffled
from sma_core.errors import DataError
from sma_core.printable import counted

Indices: TypeAlias = NDArray[np.int64]

Part = Literal["train", "valid", "test"]
FEW_ROWS = 20
"""Fewer rows than this explain an empty part; with more, it is the splitter's groups."""
PARTS: tuple[Part, ...] = ("train", "valid", "test")
USUAL_VALUES: Mapping[str, str] = {
    "train": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
}
"""Lower-case values of a split column, and their parts."""
_FOR_VALIDATION, _FOR_SUBSET, _FOR_FOLDS = 1, 2, 4


def random_split(texts: Sequence[str], valid: float, test: float, seed: int) -> tuple[Indices, Indices, Indices]:
    """Draw the test rows, then the validation rows, at random with ``seed``; the rest is for training."""
    order = np.random.default_rng(seed).permutation(len(texts))
    tests, valids = round(test * len(texts)), round(valid * len(texts))
    return np.sort(order[tests + valids :]), np.sort(order[tests : tests + valids]), np.sort(order[:tests])


def fold_split(
    texts: Sequence[str], valid: float, test: float, seed: int, *, folds: int, fold: int
) -> tuple[Indices, Indices, Indices]:
    """Shuffle the n rows with ``seed`` and cut them into ``folds`` parts; part ``fold``, from 1, is the test.

    Validation is a fraction ``valid`` of all rows, the next ones after the test in the shuffled order. ``test`` is
    ignored.
    """
    rows = len(texts)
    begin, end = (fold - 1) * rows // folds, fold * rows // folds
    order = np.roll(shuffled(rows, seed, _FOR_FOLDS), -begin)
    tests, valids = end - begin, round(valid * rows)
    return np.sort(order[tests + valids :]), np.sort(order[tests : tests + valids]), np.sort(order[:tests])


def parts_of_values(values: Sequence[str], meanings: Mapping[str, str]) -> list[str | None]:
    """Return the part for each value of a column, None for an unknown value.

    ``meanings`` maps values to parts, and all other values mean train; if it is empty, values are names of parts.
    """
    if meanings:
        return [meanings.get(value, "train") for value in values]
    return [USUAL_VALUES.get(value.strip().lower()) for value in values]


def draw_validation(
    train: Indices, numbers: NDArray[np.int64], share: float, seed: int
) -> tuple[Indices, Indices]:
    """Draw a fraction of the training rows for validation; return the remaining training rows and the drawn ones.

    The draw depends on row numbers (n,) and ``seed`` only.
    """
    order = _drawn(train, numbers, seed, _FOR_VALIDATION)
    count = round(share * len(train))
    return np.sort(order[count:]), np.sort(order[:count])


def draw_subset(train: Indices, numbers: NDArray[np.int64], count: int, seed: int) -> Indices:
    """Draw ``count`` training rows by row number (n,) and ``seed``; smaller subsets are parts of larger ones."""
    return np.sort(_drawn(train, numbers, seed, _FOR_SUBSET)[:count])


def _drawn(train: Indices, numbers: NDArray[np.int64], seed: int, purpose: int) -> Indices:
    """Return the training rows in an order that depends on row numbers, seed and purpose only."""
    return train[np.argsort(hashed(numbers[train], seed, purpose), kind="stable")]


def check_split(parts: tuple[Indices, Indices, Indices], rows: int, name: str, tested: bool = True) -> None:
    """Raise `DataError` when a part of ``rows`` rows is empty; ``tested``: whether the test must have rows."""
    for part, what in zip(parts, ("training", "validation", "test"), strict=True):
        if len(part) == 0 and (tested or what != "test"):
            cause = "so few rows" if rows < FEW_ROWS else "rows in so few groups, which stay together,"
            raise DataError(
                f"the {name!r} split of {counted(rows, 'row')} leaves no row for {what}: {cause} "
                f"cannot be split so; give "
                "more rows, or choose another splitter with split.name"
            )


def fault_of_rows(parts: tuple[Indices, Indices, Indices], numbers: NDArray[np.int64]) -> str | None:
    """Return what the indices of a splitter's parts must be; None where no row occurs twice, and all exist.

    ``numbers`` are the row numbers (n,) in the file, for the sentence.
    """
    together, rows = np.concatenate(parts), len(numbers)
    outside = np.flatnonzero((together < 0) | (together >= rows))
    if len(outside):
        return f"indices of the {counted(rows, 'row')}, from 0 to {rows - 1:,}, not {together[outside[0]]:,}"
    counts = np.bincount(together, minlength=rows)  # (n,)
    if counts.max(initial=0) < 2:
        return None
    row = int(np.argmax(counts > 1))
    where = [part for part, indices in zip(PARTS, parts, strict=True) if row in indices]
    twice = " and ".join(where) if len(where) > 1 else f"{where[0]} twice"
    return f"each row once, but row {numbers[row]:,} is in {twice}"
