"""Splits for learning from few labels: a fixed test set and nested training subsets.

The rows outside the test set are permuted by seed, with an integer hash that does not depend on the numpy version.
A ``valid`` share of all rows is reserved for validation and training starts after it, so the 100 rows of a
100-label split are among the rows of the 1,000-label split. Validation is cut to the size of training, so that it
does not provide additional labels. Remaining rows are unused.

The test set of `toy` is random; that of `higgs` is the first 5,000 rows, which are ``h2o_test5k`` in
``higgs.csv.gz``; that of `uci` is the last 500,000 rows, as published. If a file has less than twice as many rows,
the test set is its first or last tenth. That of `rotated` is a fifth of a fixed permutation, and seeds 0 to 4 test
on every row once.

Shapes: n rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import shuffled

Indices: TypeAlias = NDArray[np.int64]

HIGGS_TEST_ROWS = 5_000
UCI_TEST_ROWS = 500_000
ROTATED_PARTS = 5
_FEWEST_TIMES = 2
_TEST_SEED, _ORDER_SEED, _PARTS_SEED = 0, 1, 2


@dataclass(frozen=True)
class FewLabels:
    """Splitter with a test set at a fixed position and at most ``labels`` training rows (None: no limit)."""

    test_at: Literal["random", "rotated", "first", "last"]
    test_rows: int | None = None
    labels: int | None = None

    def __call__(
        self, texts: Sequence[str], valid: float, test: float, seed: int
    ) -> tuple[Indices, Indices, Indices]:
        """Return the sorted row indices (n,) int64 of training, validation and test.

        ``valid`` and ``test`` are fractions of all rows; ``test`` is only used for a random test set.
        """
        rows = len(texts)
        tests, others = self._test(rows, test, seed)
        order = others[shuffled(len(others), seed, _ORDER_SEED)]
        held = min(round(valid * rows), max(len(order) - 1, 0))
        train = order[held:] if self.labels is None else order[held : held + self.labels]
        return np.sort(train), np.sort(order[: min(held, len(train))]), tests

    def _test(self, rows: int, share: float, seed: int) -> tuple[Indices, Indices]:
        """Return the sorted indices of the test rows and of all other rows."""
        indices = np.arange(rows, dtype=np.int64)
        if self.test_at == "rotated":
            part = shuffled(rows, _PARTS_SEED) % ROTATED_PARTS == seed % ROTATED_PARTS  # (n,)
            return indices[part], indices[~part]
        if self.test_at == "random":
            order = shuffled(rows, seed, _TEST_SEED)
            count = round(share * rows)
            return np.sort(order[:count]), np.sort(order[count:])
        count = self.test_rows or 0
        if rows < _FEWEST_TIMES * count:
            count = rows // 10
        if self.test_at == "first":
            return indices[:count], indices[count:]
        return indices[rows - count :], indices[: rows - count]


toy_100 = FewLabels("random", labels=100)
toy_1k = FewLabels("random", labels=1_000)
toy_10k = FewLabels("random", labels=10_000)
toy_all = FewLabels("random")
higgs_100 = FewLabels("first", HIGGS_TEST_ROWS, 100)
higgs_1k = FewLabels("first", HIGGS_TEST_ROWS, 1_000)
higgs_10k = FewLabels("first", HIGGS_TEST_ROWS, 10_000)
higgs_all = FewLabels("first", HIGGS_TEST_ROWS)
rotated_100 = FewLabels("rotated", labels=100)
rotated_1k = FewLabels("rotated", labels=1_000)
rotated_10k = FewLabels("rotated", labels=10_000)
rotated_all = FewLabels("rotated")
uci_100 = FewLabels("last", UCI_TEST_ROWS, 100)
uci_1k = FewLabels("last", UCI_TEST_ROWS, 1_000)
uci_10k = FewLabels("last", UCI_TEST_ROWS, 10_000)
uci_100k = FewLabels("last", UCI_TEST_ROWS, 100_000)
uci_all = FewLabels("last", UCI_TEST_ROWS)
