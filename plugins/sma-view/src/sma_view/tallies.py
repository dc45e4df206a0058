"""What rows look like, counted while they stream by, in memory that does not grow with the file.

Counts, means and spreads are exact, and so are all figures of lengths. The median of numbers comes from a sample:
the rows whose numbers have the smallest hashes, so it is the same in every run.

Letters: n rows, F features.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import hashed
from sma_core.data.scaling import ScaleSums

LENGTH_BINS = 20
SHARE_IN_BINS = 0.995
"""Lengths above this quantile share one last bin, so that one long row does not squeeze all others into one."""
CELLS_IN_SAMPLE = 1 << 22
SMALLEST_SAMPLE, LARGEST_SAMPLE = 100, 20_000


@dataclass(frozen=True)
class Bin:
    """``count`` values from ``start`` to ``end``; lengths include both ends."""

    start: float
    end: float
    count: int


@dataclass
class LengthTally:
    """How many rows have which length; lengths that differ are few, however many rows there are."""

    counts: Counter[int] = field(default_factory=Counter)
    first: dict[int, int] = field(default_factory=dict)
    """Length -> number of the first row that has it."""

    def add(self, lengths: NDArray[np.int64], numbers: Sequence[int]) -> None:
        """Take in the lengths (n,) of rows with these numbers."""
        distinct, at, counts = np.unique(lengths, return_index=True, return_counts=True)
        for length, index, count in zip(distinct.tolist(), at.tolist(), counts.tolist(), strict=True):
            self.counts[length] += count
            self.first.setdefault(length, numbers[index])

    @property
    def rows(self) -> int:
        """Rows taken in."""
        return self.counts.total()

    @property
    def mean(self) -> float:
        """Mean length."""
        return sum(length * count for length, count in self.counts.items()) / self.rows

    def quantile(self, share: float) -> int:
        """Return the smallest length that at least this share of the rows do not exceed."""
        wanted, seen = share * self.rows, 0
        for length in sorted(self.counts):
            seen += self.counts[length]
            if seen >= wanted:
                return length
        return max(self.counts)

    def longer_than(self, most: int) -> int:
        """Count the rows of more than ``most`` ids."""
        return sum(count for length, count in self.counts.items() if length > most)

    def bins(self) -> list[Bin]:
        """Return the histogram in bins of a round width; the last one goes on to the greatest length."""
        low, high, top = min(self.counts), max(self.counts), self.quantile(SHARE_IN_BINS)
        width = _round_width((top - low + 1) / LENGTH_BINS)
        start = low // width * width
        last = (top - start) // width + 1
        counts = [0] * (last + 1)
        for length, count in self.counts.items():
            counts[min((length - start) // width, last)] += count
        if not counts[-1]:
            counts.pop()
        ends = [start + at * width + width - 1 for at in range(len(counts))]
        ends[-1] = high
        return [Bin(start + at * width, ends[at], count) for at, count in enumerate(counts)]


def _round_width(least: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 25, 50, 100, 200, 250, … that is not below ``least``."""
    ten: int = 10 ** math.floor(math.log10(max(least, 1.0)))
    steps = (ten, 2 * ten, 5 * ten // 2 if ten > 1 else 0, 5 * ten, 10 * ten)
    return next(step for step in steps if step >= least)


@dataclass
class CharacterTally:
    """How often each character occurs."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, texts: Sequence[str]) -> None:
        """Take in some texts."""
        joined = "".join(texts)
        coded = joined.encode("ascii") if joined.isascii() else joined.encode("utf-32-le")
        points = np.frombuffer(coded, dtype=np.uint8 if joined.isascii() else np.uint32)
        counts = np.bincount(points) if len(points) else np.zeros(0, dtype=np.int64)
        for point in np.flatnonzero(counts).tolist():
            self.counts[chr(point)] += int(counts[point])


class Sample:
    """The items with the smallest hashes of their numbers among all that were offered: ``size`` at the most."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self._size, self._seed = size, seed
        self._limit = np.uint64(2**64 - 1)
        self._keys = np.zeros(0, dtype=np.uint64)

    def offer(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Offer items (n,); return which of those kept so far stay, and which of the new ones join them."""
        keys = hashed(numbers, self._seed)
        new = np.flatnonzero(keys <= self._limit)
        together = np.concatenate([self._keys, keys[new]])
        chosen = np.sort(np.argsort(together, kind="stable")[: self._size])
        self._keys = together[chosen]
        if len(self._keys) == self._size:
            self._limit = self._keys.max()
        old = len(together) - len(new)
        return chosen[chosen < old], new[chosen[chosen >= old] - old]


class FeatureTally:
    """Counts, moments and extremes of F features, and a sample of the rows for all that needs sorting."""

    def __init__(self, features: int, seed: int = 0) -> None:
        self.rows = 0
        self.sums = ScaleSums(features)
        self.minimum = np.full(features, np.inf)
        self.maximum = np.full(features, -np.inf)
        size = min(max(CELLS_IN_SAMPLE // features, SMALLEST_SAMPLE), LARGEST_SAMPLE)
        self._chooser = Sample(size, seed)
        self.sample = np.zeros((0, features), dtype=np.float32)
        """(m, F) the sample, NaN where missing."""

    def add(self, values: NDArray[np.float32], numbers: NDArray[np.int64]) -> None:
        """Take in rows (n, F), NaN where missing, with their numbers (n,)."""
        self.rows += len(values)
        self.sums.add(values)
        self.minimum = np.fmin(self.minimum, np.fmin.reduce(values, axis=0, initial=np.inf))
        self.maximum = np.fmax(self.maximum, np.fmax.reduce(values, axis=0, initial=-np.inf))
        stay, join = self._chooser.offer(numbers)
        if len(join):
            self.sample = np.concatenate([self.sample[stay], values[join]])


def value_bins(values: NDArray[np.float32], bins: int) -> list[Bin]:
    """Return the histogram of values (n,) between their 1 % and 99 % quantiles; NaN does not count.

    The quantiles are values that occur, the outer ones, so that few values are all inside.
    """
    known = values[~np.isnan(values)].astype(np.float64)
    if not len(known):
        return []
    low = float(np.percentile(known, 1, method="lower"))
    high = float(np.percentile(known, 99, method="higher"))
    if low == high:
        return [Bin(low, high, int((known == low).sum()))]
    counts, edges = np.histogram(known, bins, (low, high))
    limits = edges.tolist()
    return [Bin(limits[at], limits[at + 1], count) for at, count in enumerate(counts.tolist())]
