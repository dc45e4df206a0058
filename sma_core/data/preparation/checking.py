"""Run the domain's check on rows in worker processes, keeping the order of rows.

A check is a function ``(texts) -> list of reasons or None``, or its name ``"package.module:function"``, which is
imported in the workers only, so that the parent never loads a domain's heavy library. The number of pending chunks
is bounded, and so is memory. Chunks of small files are checked in this process, which is faster than starting
workers, unless they have a long row, for which a library may need much memory.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice

from sma_core.data.plugin_code import Check, Normalise, normal_forms, reasons
from sma_core.data.preparation.limited_workers import Checked, LimitedWorkers, is_importable
from sma_core.data.records import RejectedRow, Row

ROWS_IN_CHUNK = 2000
CHUNKS_BEFORE_PROCESSES = 8
CHUNKS_IN_FLIGHT = 3
"""Per process: one chunk being checked, the others waiting."""
LONGEST_CHECKED_HERE = 5_000
"""Characters of the longest row that is checked without the memory limit of a worker."""


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
    alone = len(first) <= CHUNKS_BEFORE_PROCESSES
    importable = all(part is None or is_importable(part) for part in (check, normalise))
    with closing(LimitedWorkers(work, 1 if alone else workers)) as limited:
        if not alone:
            yield from _checked_in_processes(chain(first, source), limited, workers)
            return
        for chunk in chain(first, source):
            do = limited if importable and _has_long_row(chunk) else work
            yield _applied(chunk, *do(*_texts(chunk)))


def _has_long_row(chunk: Chunk) -> bool:
    return any(len(row.text) > LONGEST_CHECKED_HERE for row in chunk.rows)


def _checked_in_processes(
    source: Iterator[Chunk], limited: LimitedWorkers, workers: int
) -> Generator[Chunk, None, None]:
    pending: deque[tuple[Chunk, Future[Checked]]] = deque()
    for chunk in source:
        pending.append((chunk, limited.submit(*_texts(chunk))))
        if len(pending) >= workers * CHUNKS_IN_FLIGHT:
            oldest, future = pending.popleft()
            yield _applied(oldest, *limited.result(future, *_texts(oldest)))
    for oldest, future in pending:
        yield _applied(oldest, *limited.result(future, *_texts(oldest)))


def _texts(chunk: Chunk) -> tuple[list[str], list[int]]:
    return [row.text for row in chunk.rows], [row.number for row in chunk.rows]


def _normal_and_checked(
    check: Check | None, normalise: Normalise | None, texts: list[str], numbers: list[int]
) -> Checked:
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
