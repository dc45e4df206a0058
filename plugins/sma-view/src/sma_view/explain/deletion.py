"""The deletion test, which tells whether an explanation is better than random order.

Inputs of a row are hidden, one share after another, in three kinds of order: those with the largest values
first, which should lower the prediction; those with the smallest first, which should raise it; and random orders.
The areas between the curve of random order and the other two, averaged over rows, have an interval. The order of
the sizes of values would not do: where one input raises the prediction as much as the next lowers it, hiding both
changes nothing, however right the explanation is.

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

    ``raising_first``, ``lowering_first`` and ``at_random`` (S,) are the changes of the prediction when
    ``shares`` of the inputs are hidden. ``raising`` and ``lowering`` are the areas between the first two curves
    and the third, positive for an explanation that means something. ``area`` is the mean of both, from ``low`` to
    ``high`` with 95 % confidence over rows; ``sentence`` is the verdict.
    """

    rows: int
    shares: tuple[float, ...]
    raising_first: tuple[float, ...]
    lowering_first: tuple[float, ...]
    at_random: tuple[float, ...]
    raising: float
    lowering: float
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
    _curves: list[NDArray[np.float64]] = field(default_factory=list)

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
            generator = np.random.default_rng(int(hashed(np.array([numbers[row]]), self.seed)[0]))
            orders = [torch.from_numpy(generator.permutation(len(places))) for _ in range(ORDERS + 2)]
            shuffled = [places[order.to(places.device)] for order in orders]  # equal values are in random order
            first, second = (order[values[row, order].argsort(stable=True)] for order in shuffled[:2])
            changes = _changes(asker, asked, row, [first.flip(0), second, *shuffled[2:]])
            self._curves.append(np.stack([changes[0], changes[1], changes[2:].mean(axis=0)]))

    def result(self) -> DeletionResult:
        """Return the result of all rows."""
        if not self._curves:
            nothing = "deletion test: no row has two inputs that can be hidden, so there is no verdict"
            return DeletionResult(0, SHARES, (), (), (), *(float("nan"),) * 5, False, nothing)
        curves = np.stack(self._curves)  # (n, 3, S)
        highest, lowest, random = _areas(curves).T
        raising, lowering = random - highest, lowest - random
        areas = (raising + lowering) / 2

        def mean(rows: NDArray[np.int64]) -> dict[str, float]:
            return {"area": float(areas[rows].mean())}

        low, high = percentile_intervals(mean, len(areas), DRAWS, CONFIDENCE, self.seed)["area"]
        means = [tuple(map(float, curve)) for curve in curves.mean(axis=0)]
        sides = float(raising.mean()), float(lowering.mean())
        return DeletionResult(
            rows=len(areas),
            shares=SHARES,
            raising_first=means[0],
            lowering_first=means[1],
            at_random=means[2],
            raising=sides[0],
            lowering=sides[1],
            area=float(areas.mean()),
            low=low,
            high=high,
            better=len(areas) >= FEWEST and low > 0,
            sentence=_verdict(len(areas), *sides, low, high),
        )


def _changes(asker: Asker, asked: Asked, row: int, orders: list[Tensor]) -> NDArray[np.float64]:
    """Return the change of a row's prediction (orders, S) with more and more inputs hidden."""
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
    changes = (predictions - asked.predictions[row]).view(len(orders), len(SHARES))
    return changes.double().cpu().numpy()


def _areas(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean height (n, 3) of curves (n, 3, S) that start at 0."""
    started = np.pad(curves, ((0, 0), (0, 0), (1, 0)))
    heights: NDArray[np.float64] = ((started[..., 1:] + started[..., :-1]) / 2).mean(axis=-1)
    return heights


def _verdict(rows: int, raising: float, lowering: float, low: float, high: float) -> str:
    area = (raising + lowering) / 2
    figures = f"area {area:.3g}, 95 % interval {low:.3g} to {high:.3g}, {counted(rows, 'row')}"
    if rows < FEWEST:
        return f"deletion test: too few rows for a verdict, which needs {FEWEST} ({figures})"
    if low > 0:
        return (
            "deletion test: the explanation is better than random order: hiding first what raises the prediction "
            f"lowers it by {raising:.3g} more, hiding first what lowers it raises it by {lowering:.3g} more "
            f"({figures})"
        )
    than = "worse" if high < 0 else "no better"
    return f"deletion test: the explanation is {than} than random order, so do not trust it ({figures})"
