"""What makes steps, in a process of its own: it shares neither memory nor caches with what it is compared to."""

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
"""Steps made before those that are timed: the caches then hold what they hold in a training."""


class Elsewhere:
    """A process that builds what ``build`` returns, makes its first steps, and then one when it is asked.

    ``figures`` are ``first_step_seconds``, ``parameters`` and ``before_mb``, its size before anything was built.
    Raises `RuntimeError` when the process dies.
    """

    def __init__(self, build: Callable[[], Stepping], device: torch.device) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        arguments = (there, torch.get_num_threads(), build, device)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        there.close()
        self.figures: dict[str, Any] = self._answer()

    def seconds(self, calls: int = 1) -> float:
        """Return the seconds of one of ``calls`` steps; those that settle come before and do not count."""
        self._here.send(calls)
        return float(self._answer())

    def close(self) -> dict[str, Any]:
        """End the process and return its peaks of memory, which the steps made so far have reached."""
        self._here.send(None)
        found: dict[str, Any] = self._answer()
        self._process.join()
        return found

    def _answer(self) -> Any:  # noqa: ANN401 - whatever the process says
        try:
            return self._here.recv()
        except EOFError:
            self._process.join()
            raise RuntimeError(f"a measured process left with {self._process.exitcode}") from None


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
