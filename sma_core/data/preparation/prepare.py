"""Prepare a file once: read, check, tokenize, and keep the result for every later run.

The result is a folder ``cache/<fingerprint>/`` with shards ``rows-00000.arrow`` …, ``rejected.jsonl`` and
``summary.json``. The fingerprint covers the source file and everything that shapes the rows. The folder is built
as ``<fingerprint>.partial`` and renamed, so it is whole or not there; a preparation that was killed goes on with
the shards that are whole. Which rows are kept apart or belong to a split is decided by whoever opens the store.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from sma_core.data.preparation.prepared import (
    SUMMARY,
    Prepared,
    PrepareRequest,
    PrepareSummary,
    ValuesRequest,
)
from sma_core.data.preparation.prepared_chunk import PreparedChunk
from sma_core.data.preparation.rejected import should_stop_early
from sma_core.data.preparation.text_rows import read_text_chunks
from sma_core.data.preparation.value_rows import open_value_chunks
from sma_core.data.remote.access import FetchError
from sma_core.data.remote.files import drop, local_copy
from sma_core.data.store.format import StoreMetadata
from sma_core.data.store.shards import LOCK, REJECTED, ShardWriter, join_rejected, tidy, whole_shards
from sma_core.errors import DataError
from sma_core.files import publish_folder, remove_folder, remove_leftovers, write_atomically

AnyRequest = PrepareRequest | ValuesRequest
Progress = Callable[[int, int, int], None]
"""Called after each chunk with the numbers of rows read, kept and rejected so far."""


def prepare(request: AnyRequest, progress: Progress | None = None, *, judge: bool = True) -> Prepared:
    """Prepare what ``request`` describes, or find that it was done before.

    Raises `DataError` when the file cannot be read or holds nothing, or with ``judge`` when a larger share than
    ``request.max_rejected`` of its rows is unusable; they are listed at the path the message names.
    """
    fingerprint = request.fingerprint()
    folder = request.cache / fingerprint
    found = Prepared.find(folder)
    if found is None:
        try:
            found = _made(request, folder, fingerprint, progress, judge)
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"the prepared data cannot be written to {request.cache}: {reason}") from error
    drop(request.source)
    if judge:
        found.summary.judge(str(request.source), request.max_rejected, found.rejected_rows)
    return found


def _made(request: AnyRequest, folder: Path, fingerprint: str, progress: Progress | None, judge: bool) -> Prepared:
    """Build the folder, or wait for the process that does."""
    partial = folder.with_name(f"{folder.name}.partial")
    remove_leftovers(folder)
    with _alone(partial):
        found = Prepared.find(folder)
        if found is not None:
            remove_folder(partial)
            return found
        with _cleared_up(partial), local_copy(request.source) as path:
            summary = _build(request, path, partial, fingerprint, progress, judge)
            (partial / LOCK).unlink(missing_ok=True)
            remove_folder(folder)  # one that is damaged
            publish_folder(partial, folder)
    tidy(folder, len(summary.shards))
    return Prepared(folder=folder, summary=summary, reused=False)


@contextmanager
def _cleared_up(partial: Path) -> Iterator[None]:
    """After a failure keep the shards that are whole, unless it lies in the rows, which would be so again."""
    try:
        yield
    except BaseException as error:
        in_the_rows = isinstance(error, DataError) and not isinstance(error, FetchError)
        if in_the_rows or not any(partial.glob("rows-*.json")):
            remove_folder(partial)
        raise


@contextmanager
def _alone(partial: Path) -> Iterator[None]:
    """Hold the lock in the folder ``partial``; another process that prepares the same waits here."""
    while True:
        partial.mkdir(parents=True, exist_ok=True)
        lock = FileLock(partial / LOCK)
        try:
            lock.acquire()
        except FileNotFoundError:
            continue  # its folder was just published
        if (partial / LOCK).exists():
            break
        lock.release()
    try:
        yield
    finally:
        lock.release()


def _build(
    request: AnyRequest, path: Path, partial: Path, fingerprint: str, progress: Progress | None, judge: bool
) -> PrepareSummary:
    """Read ``path`` and fill ``partial`` from the first shard that is not there; the summary is written last."""
    began = time.perf_counter()
    done = whole_shards(partial)
    before = PrepareSummary.together(done)
    metadata, pieces = _opened(request, path, fingerprint, before.rows)
    with closing(pieces), ShardWriter(partial, request.source, metadata, request.shard_rows, len(done)) as writer:
        rows, rejected, stopped = before.rows, before.rejected, False
        for piece in pieces:
            writer.add(piece)
            rows, rejected = rows + piece.count, rejected + len(piece.rejected)
            if progress is not None:
                progress(rows, rows - rejected, rejected)
            stopped = judge and should_stop_early(rows - piece.count, rows, rejected, request.max_rejected)
            if stopped:
                break
    summary = PrepareSummary.together([*done, *writer.finished])
    summary = replace(summary, seconds=time.perf_counter() - began)
    join_rejected(partial, len(summary.shards))
    if stopped:
        _give_up(request, partial, fingerprint, summary)
    if request.fingerprint() != fingerprint:
        raise DataError(f"{request.source} changed while it was read; try again when it is finished")
    write_atomically(partial / SUMMARY, json.dumps(summary.to_json(), indent=1))
    return summary


def _opened(
    request: AnyRequest, path: Path, fingerprint: str, skip: int
) -> tuple[StoreMetadata, Generator[PreparedChunk, None, None]]:
    """Describe the store to write, and begin to read after ``skip`` rows."""
    if isinstance(request, ValuesRequest):
        return open_value_chunks(request, path, fingerprint, skip)
    return request.store_metadata(fingerprint), read_text_chunks(request, path, skip)


def _give_up(request: AnyRequest, partial: Path, fingerprint: str, summary: PrepareSummary) -> None:
    """Leave the rejected rows where the user can read them, then raise."""
    kept = request.cache / f"{fingerprint}.rejected.jsonl"
    (partial / REJECTED).replace(kept)
    raise summary.verdict(str(request.source)).error(request.max_rejected, kept, early=True)
