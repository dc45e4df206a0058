"""Prepare a file once: read, check, tokenize, and keep the result for every later run.

The result is a folder ``cache/<fingerprint>/`` with ``train.arrow`` and ``held_out.arrow`` (or
``rows.arrow`` for a labelled set, which a splitter divides), ``rejected.jsonl`` and ``summary.json``.
The fingerprint covers the source file and everything that shapes the result. The folder is built
beside its place and renamed, so it is whole or not there, and two processes may prepare it at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from sma_core.data.prepared import (
    HELD_OUT,
    ROWS,
    SUMMARY,
    TRAIN,
    Prepared,
    PrepareRequest,
    PrepareSummary,
    ValuesRequest,
)
from sma_core.data.rejected import Rejections, Verdict
from sma_core.data.sorting import Piece, Sorter
from sma_core.data.store_format import StoreMetadata
from sma_core.data.store_writer import StoreWriter
from sma_core.data.text_rows import text_pieces
from sma_core.data.value_rows import open_values
from sma_core.errors import DataError
from sma_core.files import (
    publish_folder,
    remove_folder,
    remove_leftovers,
    replacing,
    sha256_of,
    temporary_name,
)

Request = PrepareRequest | ValuesRequest
Progress = Callable[[int, int, int], None]
"""Called after each chunk with the numbers of rows read, kept and rejected so far."""


def prepare(request: Request, progress: Progress | None = None) -> Prepared:
    """Prepare what ``request`` describes, or find that it was done before.

    Raises `DataError` when the file cannot be read, holds nothing usable, or when a larger share than
    ``request.max_rejected`` of its rows is unusable; the rejected rows are then left beside the cache
    folder, at the path the message names.
    """
    fingerprint = request.fingerprint()
    folder = request.cache / fingerprint
    try:
        found = Prepared.find(folder)
        if found is None:
            request.cache.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
            found = _build(request, folder, fingerprint, progress)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"the prepared data cannot be written to {request.cache}: {reason}") from error
    verdict = found.summary.verdict(request.source)
    if verdict.too_many(request.max_rejected):
        raise verdict.error(request.max_rejected, found.rejected_rows)
    return found


def _build(request: Request, folder: Path, fingerprint: str, progress: Progress | None) -> Prepared:
    """Build the folder under another name, then publish it."""
    building = temporary_name(folder)
    building.mkdir()
    try:
        summary = _fill(request, building, fingerprint, progress)
        if request.fingerprint() != fingerprint:
            raise DataError(f"{request.source} changed while it was read; try again when it is finished")
        summary = replace(summary, sums={name: sha256_of(building / name) for name in summary.stores})
        with replacing(building / SUMMARY) as temporary:
            temporary.write_text(json.dumps(summary.to_json(), indent=1), encoding="utf-8")
        while not publish_folder(building, folder):
            first = Prepared.find(folder)
            if first is not None:
                return replace(first, reused=True)
            remove_folder(folder)
        return Prepared(folder=folder, summary=summary, reused=False)
    finally:
        remove_folder(building)


def _fill(request: Request, building: Path, fingerprint: str, progress: Progress | None) -> PrepareSummary:
    """Write the stores and the list of rejected rows into ``building``; give the summary."""
    began = time.perf_counter()
    listed = building / "rejected.jsonl"
    names = (ROWS,) if request.held_out is None else (TRAIN, HELD_OUT)
    shortened = 0
    with ExitStack() as stack:
        file = stack.enter_context(listed.open("w", encoding="utf-8"))
        rejections = Rejections(source=request.source, file=file)
        metadata, pieces = _opened(request, fingerprint)
        stack.enter_context(closing(pieces))
        writers = [stack.enter_context(StoreWriter(building / name, metadata)) for name in names]
        sorter = Sorter(request.source, writers, request.held_out, request.seed)
        for piece in pieces:
            rows_before = rejections.rows
            rejections.rows += piece.count
            rejections.add(piece.rejected)
            sorter.add(piece)
            shortened += piece.shortened
            if progress is not None:
                progress(rejections.rows, rejections.rows - rejections.rejected, rejections.rejected)
            if rejections.hopeless(rows_before, request.max_rejected):
                _give_up(request, fingerprint, rejections, early=True)
        if _verdict(rejections).too_many(request.max_rejected):
            _give_up(request, fingerprint, rejections)
        sorter.finish()
    return PrepareSummary(
        rows=rejections.rows,
        kept=rejections.rows - rejections.rejected,
        rejected=rejections.rejected,
        reasons=dict(rejections.reasons.most_common()),
        first=rejections.first,
        stores={name: writer.rows for name, writer in zip(names, writers, strict=True)},
        ids=sum(writer.ids for writer in writers),
        longest=max(writer.longest for writer in writers),
        shortened=shortened,
        seconds=time.perf_counter() - began,
    )


def _opened(request: Request, fingerprint: str) -> tuple[StoreMetadata, Generator[Piece, None, None]]:
    """Describe the stores to write, and begin to read."""
    if isinstance(request, ValuesRequest):
        return open_values(request, fingerprint)
    return request.store_metadata(fingerprint), text_pieces(request)


def _verdict(rejections: Rejections) -> Verdict:
    return Verdict(
        source=rejections.source,
        rows=rejections.rows,
        rejected=rejections.rejected,
        reasons=rejections.reasons,
        first=rejections.first,
    )


def _give_up(request: Request, fingerprint: str, rejections: Rejections, early: bool = False) -> None:
    """Leave the rejected rows where the user can read them, then raise."""
    rejections.file.flush()
    kept = request.cache / f"{fingerprint}.rejected.jsonl"
    Path(rejections.file.name).replace(kept)
    raise _verdict(rejections).error(request.max_rejected, kept, early)
