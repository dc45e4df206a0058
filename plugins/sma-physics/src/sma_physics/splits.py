"""Splits for learning from few labels: a fixed test, and training subsets that are nested.

All splitters of one seed put the rows that are not for the test into one order. The first ``valid`` share
of all rows are kept for validation, and training begins after them: with 100 labels it has the first 100 rows
of what it has with 1,000. Validation has no more rows than training, so that it is no hidden supply of labels.
Rows beyond that are in no part. The order comes from an integer hash, the same with every version of numpy.

Where the test is: `toy` draws it at random; `higgs` takes the first 5,000 rows, where ``higgs.csv.gz`` has
those of ``h2o_test5k``; `uci` takes the last 500,000, as published with the data set. A file with less than
twice as many rows gives its first or last tenth, so that a piece of a file can be tried.

Letters: n rows.
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
_FEWEST_TIMES = 2
_TEST_SEED, _ORDER_SEED = 0, 1


@dataclass(frozen=True)
class FewLabels:
    """A splitter: where the test is, and how many rows at most train (None: all that are left)."""

    test_at: Literal["random", "first", "last"]
    test_rows: int | None = None
    labels: int | None = None

    def __call__(
        self, texts: Sequence[str], valid: float, test: float, seed: int
    ) -> tuple[Indices, Indices, Indices]:
        """Return the row indices of training, validation and test, each sorted (n,) int64.

        ``valid`` and ``test`` are shares of the n rows; ``test`` counts only where the test is drawn at random.
        ``seed`` decides the order, and a random test.
        """
        rows = len(texts)
        tests, others = self._test(rows, test, seed)
        order = others[shuffled(len(others), seed, _ORDER_SEED)]
        held = min(round(valid * rows), max(len(order) - 1, 0))
        train = order[held:] if self.labels is None else order[held : held + self.labels]
        return np.sort(train), np.sort(order[: min(held, len(train))]), tests

    def _test(self, rows: int, share: float, seed: int) -> tuple[Indices, Indices]:
        """Return the rows of the test and all others, both sorted."""
        every = np.arange(rows, dtype=np.int64)
        if self.test_at == "random":
            order = shuffled(rows, seed, _TEST_SEED)
            count = round(share * rows)
            return np.sort(order[:count]), np.sort(order[count:])
        count = self.test_rows or 0
        if rows < _FEWEST_TIMES * count:
            count = rows // 10
        if self.test_at == "first":
            return every[:count], every[count:]
        return every[rows - count :], every[: rows - count]


toy_100 = FewLabels("random", labels=100)
toy_1k = FewLabels("random", labels=1_000)
toy_10k = FewLabels("random", labels=10_000)
toy_all = FewLabels("random")
higgs_100 = FewLabels("first", HIGGS_TEST_ROWS, 100)
higgs_1k = FewLabels("first", HIGGS_TEST_ROWS, 1_000)
higgs_10k = FewLabels("first", HIGGS_TEST_ROWS, 10_000)
higgs_all = FewLabels("first", HIGGS_TEST_ROWS)
uci_100 = FewLabels("last", UCI_TEST_ROWS, 100)
uci_1k = FewLabels("last", UCI_TEST_ROWS, 1_000)
uci_10k = FewLabels("last", UCI_TEST_ROWS, 10_000)
uci_100k = FewLabels("last", UCI_TEST_ROWS, 100_000)
uci_all = FewLabels("last", UCI_TEST_ROWS)
