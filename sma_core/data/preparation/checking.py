"""Let the domain look at each row, in several processes, with the results in the rows' order.

A check is a function ``(texts) -> list of reasons or None``, or its name ``"package.module:function"``,
which is imported where it is used, so that a domain's heavy library is never loaded in the parent. Few
chunks are in flight at a time, so memory stays bounded. Small files are checked here: starting
processes would take longer than the work.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing.connection import wait

from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError

CheckFunction = Callable[[list[str]], list[str | None]]
Check = str | CheckFunction

ROWS_IN_CHUNK = 2000
CHUNKS_BEFORE_PROCESSES = 8
CHUNKS_IN_FLIGHT = 3
"""For each process: one being check_chunks, the others waiting for it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows in a row: those still usable, and those set aside."""

    rows: list[Row]
    rejected: list[RejectedRow]

    @property
    def count(self) -> int:
        """Rows of both kinds."""
        return len(self.rows) + len(self.rejected)


def check_name(check: Check | None) -> str | None:
    """Name a check in the form that can be written down."""
    if check is None or isinstance(check, str):
        return check
    return f"{check.__module__}:{check.__qualname__}"


def split_into_chunks(records: Iterator[Row | RejectedRow], size: int = ROWS_IN_CHUNK) -> Iterator[Chunk]:
    """Cut a reader's rows into chunks of ``size``."""
    while taken := list(islice(records, size)):
        yield Chunk(
            [record for record in taken if isinstance(record, Row)],
            [record for record in taken if isinstance(record, RejectedRow)],
        )


def check_chunks(
    source: Iterator[Chunk], check: Check | None, processes: int | None
) -> Generator[Chunk, None, None]:
    """Yield the chunks in their order, with the rows that fail the check moved to the rejected ones.

    ``processes`` is the number of worker processes; None means one for each core this process may use.
    """
    if check is None:
        yield from source
        return
    workers = processes or available_cores()
    first = [] if workers == 1 else list(islice(source, CHUNKS_BEFORE_PROCESSES + 1))
    if len(first) <= CHUNKS_BEFORE_PROCESSES:
        for chunk in chain(first, source):
            yield _applied(chunk, _answers(check, [row.text for row in chunk.rows]))
    else:
        yield from _checked_in_processes(chain(first, source), check, workers)


def _checked_in_processes(source: Iterator[Chunk], check: Check, workers: int) -> Generator[Chunk, None, None]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=init_worker)
    flying: deque[tuple[Chunk, Future[list[str | None]]]] = deque()
    try:
        for chunk in source:
            flying.append((chunk, pool.submit(_answers, check, [row.text for row in chunk.rows])))
            if len(flying) >= workers * CHUNKS_IN_FLIGHT:
                oldest, answers = flying.popleft()
                yield _applied(oldest, answers.result())
        for oldest, answers in flying:
            yield _applied(oldest, answers.result())
    except BrokenProcessPool as error:
        raise DataError(
            "a process that checks rows died, perhaps for lack of memory; try fewer with data.processes"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _answers(check: Check, texts: list[str]) -> list[str | None]:
    """Call the check; runs in a worker."""
    function: CheckFunction = pkgutil.resolve_name(check) if isinstance(check, str) else check
    answers = function(texts)
    if len(answers) != len(texts):
        raise DataError(f"the check {check_name(check)} gave {len(answers)} answers for {len(texts)} rows")
    return answers


def _applied(chunk: Chunk, answers: list[str | None]) -> Chunk:
    if not any(answers):
        return chunk
    rows = [row for row, answer in zip(chunk.rows, answers, strict=True) if not answer]
    failed = [
        RejectedRow(row.number, answer, row.text, row.fields)
        for row, answer in zip(chunk.rows, answers, strict=True)
        if answer
    ]
    return Chunk(rows, sorted([*chunk.rejected, *failed], key=lambda row: row.number))


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def init_worker() -> None:
    """Leave the signals that stop to the parent, and end when it has ended, however that came about."""
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
