"""Training steps in a separate process, so that compared models share neither memory nor caches."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch

from benchmarks.memory import peaks, resident_megabytes
from benchmarks.timing import seconds
from benchmarks.training import Stepping, parameters, settle
from sma_core.memory import keep_freed_memory

SETTLING = 1
"""Steps before the timed ones, which warm the caches."""


class Elsewhere:
    """Process that builds a `Stepping` with ``build``, runs its first steps, and then steps on request.

    ``figures`` has ``first_step_seconds``, ``parameters`` and ``before_mb``, the memory before ``build``. Methods
    raise `RuntimeError` if the process dies.
    """

    def __init__(self, build: Callable[[], Stepping], device: torch.device) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, remote = context.Pipe()
        arguments = (remote, torch.get_num_threads(), build, device)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        remote.close()
        self.figures: dict[str, Any] = self._answer()

    def seconds(self, calls: int = 1) -> float:
        """Return the mean seconds per step of ``calls`` steps, which follow `SETTLING` untimed steps."""
        self._connection.send(calls)
        return float(self._answer())

    def close(self) -> dict[str, Any]:
        """End the process and return its peak memory."""
        self._connection.send(None)
        peak: dict[str, Any] = self._answer()
        self._process.join()
        return peak

    def _answer(self) -> Any:  # noqa: ANN401 - any picklable object
        try:
            return self._connection.recv()
        except EOFError:
            self._process.join()
            raise RuntimeError(f"a benchmark process exited with status {self._process.exitcode}") from None


def _serve(out: Connection, threads: int, build: Callable[[], Stepping], device: torch.device) -> None:
    keep_freed_memory()
    torch.set_num_threads(threads)
    before = round(resident_megabytes("VmRSS"), 1)
    stepping = build()
    first = round(seconds(stepping.step, device), 3)
    settle(stepping)
    out.send({"first_step_seconds": first, "parameters": parameters(stepping), "before_mb": before})
    while (calls := out.recv()) is not None:
        for _ in range(SETTLING):
            stepping.step()
        out.send(seconds(stepping.step, device, calls))
    out.send(peaks())
