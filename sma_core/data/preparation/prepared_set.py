"""Prepare several files as one set: one cached folder per file, in worker processes, opened as one store.

Only new and changed files are prepared. Rows are numbered through all files in order, and the share of unusable
rows is measured over all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.children import CHILDREN
from sma_core.data.preparation.checking import available_cores
from sma_core.data.preparation.prepare import AnyRequest, Progress, prepare
from sma_core.data.preparation.prepared import Prepared, PrepareRequest, PrepareSummary
from sma_core.data.remote.files import DataFile, RemoteFile, fetch, size_of
from sma_core.data.store.store import Store
from sma_core.errors import DataError
from sma_core.files import replacing
from sma_core.signals import ignore_stop_signals

BYTES_BEFORE_PROCESSES = 32 << 20
"""With fewer bytes to read, starting processes takes longer than the work."""


@dataclass(frozen=True)
class PreparedSet:
    """The prepared files of a set, in the order of their rows."""

    parts: tuple[Prepared, ...]
    sources: tuple[DataFile, ...]

    @cached_property
    def summary(self) -> PrepareSummary:
        """Merged counts of all files."""
        names = [str(path) for path in self.sources] if len(self.parts) > 1 else []
        return PrepareSummary.merge([part.summary for part in self.parts], names)

    @property
    def rejected_rows(self) -> tuple[Path, ...]:
        """Lists of rejected rows, one JSON object per line, with file and row."""
        return tuple(part.rejected_rows for part in self.parts)

    @property
    def reused(self) -> bool:
        """Whether all files were cached."""
        return all(part.reused for part in self.parts)

    def bounds(self, sizes: Sequence[int]) -> NDArray[np.int64]:
        """Return the first store row of each group of files after the first; ``sizes`` are files per group."""
        starts = np.cumsum([0, *(part.summary.stored for part in self.parts)])
        bounds: NDArray[np.int64] = starts[np.cumsum(sizes)[:-1]]
        return bounds

    def open(self) -> Store:
        """Open the store of all usable rows."""
        paths: list[Path] = []
        before: list[int] = []
        names: list[str] = []
        rows = 0
        for part, source in zip(self.parts, self.sources, strict=True):
            paths += part.files
            names += [str(source)] * len(part.files)
            before += [rows] * len(part.files)
            rows += part.summary.rows
        return Store.open(*paths, before=before, names=names)


def prepare_set(requests: Sequence[AnyRequest], name: str, progress: Progress | None = None) -> PreparedSet:
    """Prepare the files of a set, reusing those that are cached.

    ``name`` names the set in errors. Raises `DataError` as `prepare` does, naming the file, and when more than the
    allowed share of all rows is unusable.
    """
    sources = tuple(request.source for request in requests)
    if len(requests) == 1:
        return PreparedSet((prepare(requests[0], progress),), sources)
    total = _TotalProgress(progress)
    workers = _workers(requests)
    parts = _in_processes(requests, workers, total) if workers > 1 else _one_by_one(requests, total)
    prepared = PreparedSet(tuple(parts), sources)
    if prepared.summary.verdict(name).too_many(requests[0].max_rejected):
        listed = _merged_rejected_list(prepared, requests[0].cache)
        prepared.summary.judge(name, requests[0].max_rejected, None if requests[0].temporary else listed)
    return prepared


class _TotalProgress:
    """Adds the progress of single files."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._before = (0, 0, 0)

    def within(self, rows: int, kept: int, rejected: int) -> None:
        """Report the counts of the current file."""
        if self._progress is not None:
            self._progress(self._before[0] + rows, self._before[1] + kept, self._before[2] + rejected)

    def done(self, part: Prepared) -> None:
        """Add the counts of a finished file."""
        summary = part.summary
        rows, kept, rejected = self._before
        self._before = (rows + summary.rows, kept + summary.kept, rejected + summary.rejected)
        self.within(0, 0, 0)


def _one_by_one(requests: Sequence[AnyRequest], total: _TotalProgress) -> Iterator[Prepared]:
    for request in requests:
        part = prepare(request, total.within, judge=False)
        total.done(part)
        yield part


def _in_processes(requests: Sequence[AnyRequest], workers: int, total: _TotalProgress) -> list[Prepared]:
    """Prepare files in worker processes; finished files stay cached when another one fails.

    Remote files are fetched by this process, one after another, while earlier files are prepared.
    """
    pool = ProcessPoolExecutor(workers, mp_context=CHILDREN, initializer=ignore_stop_signals)
    with _shut_down(pool):
        running: list[Future[Prepared]] = []
        pending: set[Future[Prepared]] = set()
        for request in requests:
            if isinstance(request.source, RemoteFile) and request.cached() is None:
                _collect(pending, workers, total)  # bounds the number of copies
                fetch(request.source)
            running.append(pool.submit(_prepare_alone, request))
            pending.add(running[-1])
        _collect(pending, 0, total)
        return [future.result() for future in running]


def _collect(pending: set[Future[Prepared]], limit: int, total: _TotalProgress) -> None:
    """Wait until at most ``limit`` futures are pending; raises the errors of finished ones."""
    while len(pending) > limit:
        finished, _ = wait(pending, return_when=FIRST_COMPLETED)
        pending -= finished
        for future in finished:
            total.done(future.result())


@contextmanager
def _shut_down(pool: ProcessPoolExecutor) -> Iterator[None]:
    """Shut the pool down at the end; raise `DataError` when one of its processes died."""
    try:
        yield
    except BrokenProcessPool as error:
        raise DataError(
            "a process that prepares a file died, perhaps out of memory; complete shards are kept: "
            "repeat the command, perhaps with fewer processes (data.processes=1)"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare_alone(request: AnyRequest) -> Prepared:
    """Prepare a file in a worker process."""
    alone = replace(request, processes=1) if isinstance(request, PrepareRequest) else request
    return prepare(alone, judge=False)


def _workers(requests: Sequence[AnyRequest]) -> int:
    """Return the number of processes: 1 when little is left to do, or a request cannot be pickled."""
    left = [request for request in requests if request.cached() is None]
    if sum(size_of(request.source) for request in left) < BYTES_BEFORE_PROCESSES:
        return 1
    if not _is_importable(requests[0]):
        return 1
    return min(requests[0].processes or available_cores(), len(left))


def _is_importable(request: AnyRequest) -> bool:
    """Return whether a worker can import the request's parts: none was defined inside a function."""
    parts: list[object] = [request.reader]
    if isinstance(request, PrepareRequest):
        parts += [type(request.tokenizer), request.check]
    return not any("<" in getattr(part, "__qualname__", "") for part in parts)


def _merged_rejected_list(prepared: PreparedSet, cache: Path) -> Path:
    """Write one list of all rejected rows; its name is a hash of the files' fingerprints."""
    name = hashlib.sha256("\n".join(part.folder.name for part in prepared.parts).encode()).hexdigest()[:32]
    path = cache / f"{name}.rejected.jsonl"
    with replacing(path) as temporary, temporary.open("wb") as file:
        for listed in prepared.rejected_rows:
            file.write(listed.read_bytes())
    return path
