"""Several files prepared as one set: each on its own, in processes of their own, opened as one store.

A file that changed, came or went away only costs its own preparation. Rows count on through the files in their
order, and the share of unusable rows is judged over all of them.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.data.preparation.checking import available_cores, init_worker
from sma_core.data.preparation.prepare import AnyRequest, Progress, prepare
from sma_core.data.preparation.prepared import Prepared, PrepareRequest, PrepareSummary
from sma_core.data.remote.files import DataFile, RemoteFile, fetch, size_of
from sma_core.data.store.store import Store
from sma_core.errors import DataError
from sma_core.files import replacing

BYTES_BEFORE_PROCESSES = 32 << 20
"""With less to read, starting processes takes longer than the work."""


@dataclass(frozen=True)
class PreparedSet:
    """The prepared files of a set, in the order in which their rows are counted."""

    parts: tuple[Prepared, ...]
    sources: tuple[DataFile, ...]

    @cached_property
    def summary(self) -> PrepareSummary:
        """Figures of all files together."""
        names = [str(path) for path in self.sources] if len(self.parts) > 1 else []
        return PrepareSummary.together([part.summary for part in self.parts], names)

    @property
    def rejected_rows(self) -> tuple[Path, ...]:
        """Lists of the rows set aside, one JSON object a line, with file and row."""
        return tuple(part.rejected_rows for part in self.parts)

    @property
    def reused(self) -> bool:
        """Whether all of it was there before."""
        return all(part.reused for part in self.parts)

    def bounds(self, sizes: Sequence[int]) -> NDArray[np.int64]:
        """Return the first row in the store of each group of files but the first; ``sizes`` count their files."""
        firsts = np.cumsum([0, *(part.summary.kept for part in self.parts)])
        found: NDArray[np.int64] = firsts[np.cumsum(sizes)[:-1]]
        return found

    def open(self) -> Store:
        """Open the store of all usable rows."""
        paths: list[Path] = []
        before: list[int] = []
        rows = 0
        for part in self.parts:
            paths += part.files
            before += [rows] * len(part.files)
            rows += part.summary.rows
        return Store.open(*paths, before=before)


def prepare_set(requests: Sequence[AnyRequest], name: str, progress: Progress | None = None) -> PreparedSet:
    """Prepare the files of a set, or find those that were prepared before.

    ``name`` is what the user called them. Raises `DataError` as `prepare` does, naming the file, and when too
    large a share of all rows is unusable.
    """
    sources = tuple(request.source for request in requests)
    if len(requests) == 1:
        return PreparedSet((prepare(requests[0], progress),), sources)
    count = _Count(progress)
    workers = _workers(requests)
    parts = _in_processes(requests, workers, count) if workers > 1 else _one_by_one(requests, count)
    found = PreparedSet(tuple(parts), sources)
    if found.summary.verdict(name).too_many(requests[0].max_rejected):
        listed = _listed_together(found, requests[0].cache)
        found.summary.judge(name, requests[0].max_rejected, listed)
    return found


class _Count:
    """Adds up what is told of single files."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._before = (0, 0, 0)

    def within(self, rows: int, kept: int, rejected: int) -> None:
        """Tell how far a file is."""
        if self._progress is not None:
            self._progress(self._before[0] + rows, self._before[1] + kept, self._before[2] + rejected)

    def done(self, part: Prepared) -> None:
        """Take in a finished file."""
        summary = part.summary
        rows, kept, rejected = self._before
        self._before = (rows + summary.rows, kept + summary.kept, rejected + summary.rejected)
        self.within(0, 0, 0)


def _one_by_one(requests: Sequence[AnyRequest], count: _Count) -> Iterator[Prepared]:
    for request in requests:
        part = prepare(request, count.within, judge=False)
        count.done(part)
        yield part


def _in_processes(requests: Sequence[AnyRequest], workers: int, count: _Count) -> list[Prepared]:
    """Prepare each file in one of the processes; those that are whole stay whatever happens to the others.

    Files behind URLs are fetched here, one after another, while those before them are prepared.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=init_worker)
    with _explained(pool):
        running: list[Future[Prepared]] = []
        pending: set[Future[Prepared]] = set()
        for request in requests:
            if isinstance(request.source, RemoteFile) and Prepared.find(request.folder()) is None:
                _collect(pending, workers, count)  # so few copies wait
                fetch(request.source)
            running.append(pool.submit(_prepare_alone, request))
            pending.add(running[-1])
        _collect(pending, 0, count)
        return [future.result() for future in running]


def _collect(pending: set[Future[Prepared]], most: int, count: _Count) -> None:
    """Wait until at most so many are unfinished; raises what one of the others raised."""
    while len(pending) > most:
        finished, _ = wait(pending, return_when=FIRST_COMPLETED)
        pending -= finished
        for each in finished:
            count.done(each.result())


@contextmanager
def _explained(pool: ProcessPoolExecutor) -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise DataError(
            "a process that prepares a file died, perhaps for lack of memory; the shards that are whole are kept: "
            "give the same command again, perhaps with fewer processes (--set data.processes=1)"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare_alone(request: AnyRequest) -> Prepared:
    """Prepare a file; runs in a process of its own, beside others."""
    alone = replace(request, processes=1) if isinstance(request, PrepareRequest) else request
    return prepare(alone, judge=False)


def _workers(requests: Sequence[AnyRequest]) -> int:
    """Return how many processes are worth it: 1 where little is left to do, or the parts cannot travel."""
    left = [request for request in requests if Prepared.find(request.folder()) is None]
    if sum(size_of(request.source) for request in left) < BYTES_BEFORE_PROCESSES:
        return 1
    if not _found_by_name(requests[0]):
        return 1
    return min(requests[0].processes or available_cores(), len(left))


def _found_by_name(request: AnyRequest) -> bool:
    """Whether another process can import the request's parts: none was made inside a function."""
    parts: list[object] = [request.reader]
    if isinstance(request, PrepareRequest):
        parts += [type(request.tokenizer), request.check]
    return not any("<" in getattr(part, "__qualname__", "") for part in parts)


def _listed_together(found: PreparedSet, cache: Path) -> Path:
    """Write one list of all rows set aside, named by the files that it is of."""
    name = hashlib.sha256("\n".join(part.folder.name for part in found.parts).encode()).hexdigest()[:32]
    path = cache / f"{name}.rejected.jsonl"
    with replacing(path) as temporary, temporary.open("wb") as file:
        for listed in found.rejected_rows:
            file.write(listed.read_bytes())
    return path
