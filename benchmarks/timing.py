"""Timing several things in turn.

Round by round, always in the same order, so that whatever else the machine does falls on all of them alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Self

import torch

Work = Callable[[], object]


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of repeated measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Self:
        """Summarise one value or more."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def to_json(self) -> dict[str, float]:
        """Give the form that is kept."""
        return asdict(self)


def seconds(work: Work, device: torch.device, calls: int = 1) -> float:
    """Time ``calls`` calls one after the other and return the seconds of one, the device's own work included.

    On a GPU it is the time between two events of its stream, so the host may run ahead of it within the calls.
    """
    if device.type != "cuda":
        began = time.perf_counter()
        for _ in range(calls):
            work()
        return (time.perf_counter() - began) / calls
    with torch.cuda.device(device):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        start.record()
        for _ in range(calls):
            work()
        end.record()
        torch.cuda.synchronize()
        return float(start.elapsed_time(end)) / 1e3 / calls


def interleaved(
    works: Mapping[str, Work], device: torch.device, repeats: int, warm_up: int = 2, calls: int = 1
) -> dict[str, list[float]]:
    """Return for each of ``works`` the seconds of a call in each of ``repeats`` rounds; see `rounds`."""
    timings = {name: lambda work=work: seconds(work, device, calls) for name, work in works.items()}
    return rounds(timings, repeats, warm_up)


def rounds(timings: Mapping[str, Callable[[], float]], repeats: int, warm_up: int) -> dict[str, list[float]]:
    """Return what each of ``timings`` says, in each of ``repeats`` rounds.

    Every round asks all of them in their order; ``warm_up`` rounds before the first are not counted.
    """
    found: dict[str, list[float]] = {name: [] for name in timings}
    for round_ in range(warm_up + repeats):
        for name, timing in timings.items():
            taken = timing()
            if round_ >= warm_up:
                found[name].append(taken)
    return found
