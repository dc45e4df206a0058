"""Interleaved timing.

Tasks are timed in rounds, in the same order, so that other load on the machine affects all of them equally.
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
        """Compute the summary of one or more values."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def to_json(self) -> dict[str, float]:
        """Return the JSON form."""
        return asdict(self)


def seconds(work: Work, device: torch.device, calls: int = 1) -> float:
    """Return the mean seconds per call of ``calls`` consecutive calls, including work on the device.

    On a GPU, the time is measured between two events of the stream, so the host may run ahead.
    """
    if device.type != "cuda":
        start_time = time.perf_counter()
        for _ in range(calls):
            work()
        return (time.perf_counter() - start_time) / calls
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
    """Return the seconds per call of each task in each of ``repeats`` rounds; see `rounds`."""
    timings = {name: lambda work=work: seconds(work, device, calls) for name, work in works.items()}
    return rounds(timings, repeats, warm_up)


def rounds(timings: Mapping[str, Callable[[], float]], repeats: int, warm_up: int) -> dict[str, list[float]]:
    """Call all ``timings`` in ``repeats`` rounds and return their values.

    ``warm_up`` additional rounds come first and are discarded.
    """
    times: dict[str, list[float]] = {name: [] for name in timings}
    for round_ in range(warm_up + repeats):
        for name, timing in timings.items():
            taken = timing()
            if round_ >= warm_up:
                times[name].append(taken)
    return times
