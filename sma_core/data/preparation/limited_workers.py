"""Check rows in worker processes with a memory limit; rows that no worker survives are rejected.

A check of a domain calls libraries in native code, which may need all memory for a single row. When a worker dies
or runs out of memory, its rows are checked again in halves, each in a new process, until single rows remain.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.machinery import PathFinder
from typing import TypeAlias

from sma_core.children import CHILDREN
from sma_core.data.plugin_code import Check, Normalise, function_name
from sma_core.errors import DataError
from sma_core.signals import ignore_stop_signals

Checked: TypeAlias = tuple[list[str], list[str | None]]
"""Texts in normal form, and for each the reason why it is unusable or None."""
Work: TypeAlias = Callable[[list[str], list[int]], Checked]

MEMORY = 4 << 30
"""Bytes of memory for each worker."""
MOST_DEATHS = 40
"""Number of processes after whose death checking stops."""
TOO_MUCH_MEMORY = "the check needs too much memory, or ends its process"


class LimitedWorkers:
    """Workers that bring rows, of texts and row numbers, into normal form and check them with ``work``."""

    def __init__(self, work: Work, workers: int) -> None:
        self._work, self._workers = work, workers
        self._pool: ProcessPoolExecutor | None = None
        self._deaths = 0

    def submit(self, texts: list[str], numbers: list[int]) -> Future[Checked]:
        """Begin to check rows; workers are started at the first call."""
        try:
            return self._started().submit(self._work, texts, numbers)
        except BrokenProcessPool:
            self.close()
            return self._started().submit(self._work, texts, numbers)

    def result(self, future: Future[Checked], texts: list[str], numbers: list[int]) -> Checked:
        """Return texts and reasons of rows that were submitted; raises `DataError` when too many workers die."""
        try:
            return future.result()
        except (BrokenProcessPool, MemoryError):
            return self._alone(texts, numbers)

    def __call__(self, texts: list[str], numbers: list[int]) -> Checked:
        """Check rows in a worker, and wait for the result."""
        return self.result(self.submit(texts, numbers), texts, numbers)

    def close(self) -> None:
        """Stop the workers."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = _pool(self._workers)
        return self._pool

    def _alone(self, texts: list[str], numbers: list[int]) -> Checked:
        """Check rows in a process of their own, or in halves when it dies."""
        with _pool(1) as pool:
            try:
                return pool.submit(self._work, texts, numbers).result()
            except (BrokenProcessPool, MemoryError):
                self._deaths += 1
        if self._deaths > MOST_DEATHS:
            raise DataError(
                f"a process that checks rows died {self._deaths} times, perhaps out of memory, the last time at "
                f"row {numbers[0]:,} or later; use fewer with data.processes"
            )
        if len(texts) == 1:
            return texts, [TOO_MUCH_MEMORY]
        middle = len(texts) // 2
        first = self._alone(texts[:middle], numbers[:middle])
        second = self._alone(texts[middle:], numbers[middle:])
        return first[0] + second[0], first[1] + second[1]


def is_importable(function: Check | Normalise) -> bool:
    """Return whether a worker finds the function by the name of its module."""
    module, _, name = function_name(function).partition(":")
    return "<" not in name and PathFinder.find_spec(module.partition(".")[0]) is not None


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=CHILDREN, initializer=_init_limited)


def _init_limited() -> None:
    ignore_stop_signals()
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY if hard < 0 else min(MEMORY, hard), hard))
