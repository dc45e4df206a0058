"""The deletion test, which tells whether an explanation is better than random order.

Inputs of a row are hidden one share after another, in the order of the sizes of their values and in random orders,
and the change of the prediction is followed. The area between the two curves, averaged over rows, has an interval.

Letters: B rows, N padded length, n rows of the test, S shares, R random orders.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sma_core.data.batching.hashing import hashed
from sma_core.evaluation.bootstrap import percentile_intervals
from sma_core.printable import counted
from sma_view.explain.asker import Asked, Asker

SHARES = tuple(step / 10 for step in range(1, 10))
"""Shares of the inputs that are hidden."""
ORDERS = 5
"""Random orders for each row."""
FEWEST = 10
"""Rows without which there is no verdict."""
DRAWS, CONFIDENCE = 1000, 0.95
"""Resamples of the rows, and the confidence of the interval."""


@dataclass(frozen=True)
class DeletionResult:
    """Curves and areas, means over ``rows``, in the unit of the prediction.

    ``by_value`` and ``at_random`` (S,) are the sizes of the change of the prediction when ``shares`` of the inputs
    are hidden. ``area`` is the mean distance between the curves, from ``low`` to ``high`` with 95 % confidence
    over rows; ``sentence`` is the verdict.
    """

    rows: int
    shares: tuple[float, ...]
    by_value: tuple[float, ...]
    at_random: tuple[float, ...]
    area: float
    low: float
    high: float
    better: bool
    sentence: str


@dataclass
class DeletionTest:
    """Collects the curves of the first ``most`` rows; random orders depend on ``seed`` and the row's number."""

    most: int
    seed: int = 0
    _taken: int = 0
    _by_value: list[NDArray[np.float64]] = field(default_factory=list)
    _at_random: list[NDArray[np.float64]] = field(default_factory=list)

    def wanted(self, rows: list[int]) -> list[int]:
        """Return the first of these usable rows, as many as are still to be tested."""
        chosen = rows[: self.most - self._taken]
        self._taken += len(chosen)
        return chosen

    def add(self, asker: Asker, asked: Asked, values: Tensor, numbers: list[int], wanted: Tensor) -> None:
        """Add the rows of a batch that are ``wanted`` (B,) bool, with values (B, N) and their numbers in the file.

        Rows with fewer than two explained inputs have no order and are left out.
        """
        for row in (wanted & (asked.explained.sum(dim=1) > 1)).nonzero().flatten().tolist():
            places = asked.explained[row].nonzero().flatten()
            if not bool(values[row, places].isfinite().all()):
                continue
            ranked = places[values[row, places].abs().argsort(descending=True, stable=True)]
            generator = np.random.default_rng(int(hashed(np.array([numbers[row]]), self.seed)[0]))
            permuted = [torch.from_numpy(generator.permutation(len(places))) for _ in range(ORDERS)]
            shuffled = [places[order.to(places.device)] for order in permuted]
            curves = _changes(asker, asked, row, [ranked, *shuffled])
            self._by_value.append(curves[0])
            self._at_random.append(curves[1:].mean(axis=0))

    def result(self) -> DeletionResult:
        """Return the result of all rows."""
        shape = (len(self._by_value), len(SHARES))
        chosen, random = np.reshape(self._by_value, shape), np.reshape(self._at_random, shape)
        if not len(chosen):
            nothing = "deletion test: no row has two inputs that can be hidden, so there is no verdict"
            return DeletionResult(0, SHARES, (), (), *(float("nan"),) * 3, False, nothing)
        areas = _area(chosen) - _area(random)

        def mean(rows: NDArray[np.int64]) -> dict[str, float]:
            return {"area": float(areas[rows].mean())}

        low, high = percentile_intervals(mean, len(areas), DRAWS, CONFIDENCE, self.seed)["area"]
        better = len(areas) >= FEWEST and low > 0
        sentence = _verdict(_area(chosen), _area(random), low, high)
        means = tuple(map(float, chosen.mean(axis=0))), tuple(map(float, random.mean(axis=0)))
        return DeletionResult(len(areas), SHARES, *means, float(areas.mean()), low, high, better, sentence)


def _changes(asker: Asker, asked: Asked, row: int, orders: list[Tensor]) -> NDArray[np.float64]:
    """Return the size of the change of a row's prediction (orders, S) with more and more inputs hidden."""
    count, length = len(orders[0]), asked.padding_mask.shape[1]
    hidden = torch.zeros(len(orders), len(SHARES), length, dtype=torch.bool, device=orders[0].device)
    for order, places in enumerate(orders):
        for step, share in enumerate(SHARES):
            hidden[order, step, places[: int(share * count + 1e-9)]] = True
    flat = hidden.flatten(0, 1)
    rows = torch.full((len(flat),), row, device=flat.device)
    size = asker.passes(asked)
    starts = range(0, len(flat), size)
    parts = [asker.with_hidden(asked, rows[at : at + size], flat[at : at + size]) for at in starts]
    predictions = torch.cat(parts)
    changes = (predictions - asked.predictions[row]).abs().view(len(orders), len(SHARES))
    return changes.double().cpu().numpy()


def _area(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean height (n,) of curves (n, S) that start at 0."""
    started = np.pad(curves, ((0, 0), (1, 0)))
    heights: NDArray[np.float64] = ((started[:, 1:] + started[:, :-1]) / 2).mean(axis=1)
    return heights


def _verdict(chosen: NDArray[np.float64], random: NDArray[np.float64], low: float, high: float) -> str:
    rows, area = len(chosen), float((chosen - random).mean())
    figures = f"area between the curves {area:.3g}, 95 % interval {low:.3g} to {high:.3g}, {counted(rows, 'row')}"
    if rows < FEWEST:
        return f"deletion test: too few rows for a verdict, which needs {FEWEST} ({figures})"
    if low > 0:
        times = chosen.mean() / random.mean() if random.mean() > 0 else float("inf")
        return (
            f"deletion test: the explanation is better than random order: hiding the inputs with the largest "
            f"values first changes the prediction {times:.2f} times as much ({figures})"
        )
    if high < 0:
        return f"deletion test: the explanation is worse than random order, so do not trust it ({figures})"
    return f"deletion test: the explanation is no better than random order, so do not trust it ({figures})"
