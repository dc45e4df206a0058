"""Run the domain's check on rows in worker processes, keeping the order of rows.

A check is a function ``(texts) -> list of reasons or None``, or its name ``"package.module:function"``, which is
imported in the workers only, so that the parent never loads a domain's heavy library. The number of pending chunks
is bounded, and so is memory. Small files are checked in this process, which is faster than starting workers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from multiprocessing.connection import wait
from typing import TypeAlias

from sma_core.data.plugin_code import Check, Normalise, normal_forms, reasons
from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError

ROWS_IN_CHUNK = 2000
CHUNKS_BEFORE_PROCESSES = 8
CHUNKS_IN_FLIGHT = 3
"""Per process: one chunk being checked, the others waiting."""
_Work: TypeAlias = Callable[[list[str], list[int]], tuple[list[str], list[str | None]]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a source, usable and rejected."""

    rows: list[Row]
    rejected: list[RejectedRow]

    @property
    def count(self) -> int:
        """Number of usable and rejected rows."""
        return len(self.rows) + len(self.rejected)


def split_into_chunks(records: Iterator[Row | RejectedRow], size: int = ROWS_IN_CHUNK) -> Iterator[Chunk]:
    """Group a reader's rows into chunks of ``size``."""
    while chunk := list(islice(records, size)):
        yield Chunk(
            [record for record in chunk if isinstance(record, Row)],
            [record for record in chunk if isinstance(record, RejectedRow)],
        )


def check_chunks(
    source: Iterator[Chunk], check: Check | None, processes: int | None, normalise: Normalise | None = None
) -> Generator[Chunk, None, None]:
    """Yield the chunks in order and in normal form; rows that fail the check become rejected rows.

    ``processes`` is the number of worker processes; None: one per available core.
    """
    if check is None and normalise is None:
        yield from source
        return
    work = partial(_normal_and_checked, check, normalise)
    workers = processes or available_cores()
    first = [] if workers == 1 else list(islice(source, CHUNKS_BEFORE_PROCESSES + 1))
    if len(first) <= CHUNKS_BEFORE_PROCESSES:
        for chunk in chain(first, source):
            yield _applied(chunk, *work(*_texts(chunk)))
    else:
        yield from _checked_in_processes(chain(first, source), work, workers)


def _checked_in_processes(source: Iterator[Chunk], work: _Work, workers: int) -> Generator[Chunk, None, None]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=init_worker)
    pending: deque[tuple[Chunk, Future[tuple[list[str], list[str | None]]]]] = deque()
    try:
        for chunk in source:
            pending.append((chunk, pool.submit(work, *_texts(chunk))))
            if len(pending) >= workers * CHUNKS_IN_FLIGHT:
                oldest, answers = pending.popleft()
                yield _applied(oldest, *answers.result())
        for oldest, answers in pending:
            yield _applied(oldest, *answers.result())
    except BrokenProcessPool as error:
        raise DataError(
            "a process that checks rows died, perhaps out of memory; use fewer with data.processes"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _texts(chunk: Chunk) -> tuple[list[str], list[int]]:
    return [row.text for row in chunk.rows], [row.number for row in chunk.rows]


def _normal_and_checked(
    check: Check | None, normalise: Normalise | None, texts: list[str], numbers: list[int]
) -> tuple[list[str], list[str | None]]:
    """Return the normal forms of texts, and for each the reason why it is unusable or None."""
    if normalise is not None:
        texts = normal_forms(normalise, texts, numbers)
    return texts, [None] * len(texts) if check is None else reasons(check, texts, numbers)


def _applied(chunk: Chunk, texts: list[str], answers: list[str | None]) -> Chunk:
    """Return the chunk with the normal forms of its rows as texts, and rows with an answer rejected."""
    rows = [
        row if text == row.text else replace(row, text=text, written=row.text)
        for row, text, answer in zip(chunk.rows, texts, answers, strict=True)
        if not answer
    ]
    if not any(answers):
        return Chunk(rows, chunk.rejected)
    failed = [
        RejectedRow(row.number, answer, row.text, row.fields, row.name)
        for row, answer in zip(chunk.rows, answers, strict=True)
        if answer
    ]
    return Chunk(rows, sorted([*chunk.rejected, *failed], key=lambda row: row.number))


def available_cores() -> int:
    """Return the number of CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def init_worker() -> None:
    """Ignore stop signals, which the parent handles, and exit when the parent has exited."""
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
