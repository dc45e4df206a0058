"""Prepare a file once: read, check, tokenize, and cache the result for later runs.

The result is a folder ``cache/<fingerprint>/`` with shards ``rows-00000.arrow`` …, ``rejected.jsonl`` and
``summary.json``. The fingerprint covers the source file and all settings that affect the rows. The folder is built
as ``<fingerprint>.partial`` and renamed when complete; an interrupted preparation continues after its last
complete shard. Splits and held-out rows are chosen when the store is opened.
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
from sma_core.data.remote.files import local_copy, remove_temporary_copy
from sma_core.data.store.format import StoreMetadata
from sma_core.data.store.shards import (
    LOCK,
    REJECTED,
    ShardWriter,
    complete_shards,
    join_rejected,
    remove_shard_facts,
)
from sma_core.errors import DataError
from sma_core.files import publish_folder, remove_folder, remove_leftovers, write_atomically

AnyRequest = PrepareRequest | ValuesRequest
Progress = Callable[[int, int, int], None]
"""Called after each chunk with the number of rows read, kept and rejected so far."""


def prepare(request: AnyRequest, progress: Progress | None = None, *, judge: bool = True) -> Prepared:
    """Prepare the file of ``request``, or return the cached result.

    Raises `DataError` when the file cannot be read or is empty, or, with ``judge``, when more than the share
    ``request.max_rejected`` of its rows is unusable; the message names the file that lists them.
    """
    fingerprint = request.fingerprint()
    folder = request.cache / fingerprint
    prepared = request.cached()
    if prepared is None:
        try:
            prepared = _prepare_folder(request, folder, fingerprint, progress, judge)
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"the prepared data cannot be written to {request.cache}: {reason}") from error
    remove_temporary_copy(request.source)
    if judge:
        listed = None if request.temporary else prepared.rejected_rows
        prepared.summary.judge(str(request.source), request.max_rejected, listed)
    return prepared


def _prepare_folder(
    request: AnyRequest, folder: Path, fingerprint: str, progress: Progress | None, judge: bool
) -> Prepared:
    """Build the folder, or wait for another process that builds it."""
    partial = folder.with_name(f"{folder.name}.partial")
    remove_leftovers(folder)
    before = _state(folder)
    with _locked(partial):
        just_made = request.fresh and _state(folder) != before  # by another process, while this one waited
        prepared = Prepared.find(folder) if just_made else request.cached()
        if prepared is not None:
            remove_folder(partial)
            return prepared
        if request.fresh:
            _remove_shards(partial)
        with _cleaned_up(partial), local_copy(request.source) as path:
            summary = _build(request, path, partial, fingerprint, progress, judge)
            (partial / LOCK).unlink(missing_ok=True)
            remove_folder(folder)  # a damaged one
            publish_folder(partial, folder)
    remove_shard_facts(folder, len(summary.shards))
    return Prepared(folder=folder, summary=summary, reused=False)


def _state(folder: Path) -> tuple[int, int] | None:
    """Return what differs between two results in the same folder; None without one."""
    try:
        facts = (folder / SUMMARY).stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


@contextmanager
def _cleaned_up(partial: Path) -> Iterator[None]:
    """On failure keep complete shards; on an error in the rows, which would recur, remove all files."""
    try:
        yield
    except BaseException as error:
        rows_are_bad = isinstance(error, DataError) and not isinstance(error, FetchError)
        if rows_are_bad or not any(partial.glob("rows-*.json")):
            remove_folder(partial)
        raise


def _remove_shards(partial: Path) -> None:
    """Remove what an interrupted preparation left; the lock stays."""
    for path in partial.glob("rows-*"):
        path.unlink()


@contextmanager
def _locked(partial: Path) -> Iterator[None]:
    """Hold the lock in the folder ``partial``; other processes that prepare the same file wait."""
    while True:
        partial.mkdir(parents=True, exist_ok=True)
        lock = FileLock(partial / LOCK)
        try:
            lock.acquire()
        except FileNotFoundError:
            continue  # another process just published the folder
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
    """Read ``path`` and write the missing shards to ``partial``; the summary is written last."""
    began = time.perf_counter()
    done = complete_shards(partial)
    before = PrepareSummary.merge(done)
    metadata, chunks = _open_chunks(request, path, fingerprint, before.rows)
    with closing(chunks), ShardWriter(partial, request.source, metadata, request.shard_rows, len(done)) as writer:
        rows, rejected, stopped = before.rows, before.rejected, False
        for chunk in chunks:
            writer.add(chunk)
            rows, rejected = rows + chunk.count, rejected + len(chunk.rejected)
            if progress is not None:
                progress(rows, rows - rejected, rejected)
            stopped = judge and should_stop_early(rows - chunk.count, rows, rejected, request.max_rejected)
            if stopped:
                break
    summary = PrepareSummary.merge([*done, *writer.finished])
    summary = replace(summary, seconds=time.perf_counter() - began)
    join_rejected(partial, len(summary.shards))
    if stopped:
        raise _too_many_rejected(request, partial, fingerprint, summary)
    if request.fingerprint() != fingerprint:
        raise DataError(f"{request.source} changed while it was read; try again when it is complete")
    write_atomically(partial / SUMMARY, json.dumps(summary.to_json(), indent=1))
    return summary


def _open_chunks(
    request: AnyRequest, path: Path, fingerprint: str, skip: int
) -> tuple[StoreMetadata, Generator[PreparedChunk, None, None]]:
    """Return the store's metadata, and the chunks after the first ``skip`` rows."""
    if isinstance(request, ValuesRequest):
        return open_value_chunks(request, path, fingerprint, skip)
    return request.store_metadata(fingerprint), read_text_chunks(request, path, skip)


def _too_many_rejected(request: AnyRequest, partial: Path, fingerprint: str, summary: PrepareSummary) -> DataError:
    """Keep the list of rejected rows, and return the error that names it."""
    kept = request.cache / f"{fingerprint}.rejected.jsonl"
    (partial / REJECTED).replace(kept)
    return summary.verdict(str(request.source)).error(
        request.max_rejected, None if request.temporary else kept, early=True
    )
