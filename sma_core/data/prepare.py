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
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.data.checking import Chunk, checked, chunks
from sma_core.data.hashing import chosen
from sma_core.data.prepared import HELD_OUT, ROWS, SUMMARY, TRAIN, Prepared, PrepareRequest, PrepareSummary
from sma_core.data.records import RejectedRow, Row
from sma_core.data.rejected import Rejections, Verdict
from sma_core.data.store import StoreWriter
from sma_core.data.targets import parse_targets
from sma_core.data.tokenizers import Encoded, select, shorten
from sma_core.errors import DataError
from sma_core.files import publish_folder, remove_folder, remove_leftovers, replacing, temporary_name

Progress = Callable[[int, int, int], None]
"""Called after each chunk with the numbers of rows read, kept and rejected so far."""


def prepare(request: PrepareRequest, progress: Progress | None = None) -> Prepared:
    """Prepare what ``request`` describes, or find that it was done before.

    Raises `DataError` when the file cannot be read, holds nothing usable, or when a larger share than
    ``request.max_rejected`` of its rows is unusable; the rejected rows are then left beside the cache
    folder, at the path the message names.
    """
    fingerprint = request.fingerprint()
    folder = request.cache / fingerprint
    found = Prepared.find(folder)
    if found is None:
        try:
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


def _build(request: PrepareRequest, folder: Path, fingerprint: str, progress: Progress | None) -> Prepared:
    """Build the folder under another name, then publish it."""
    building = temporary_name(folder)
    building.mkdir()
    try:
        summary = _fill(request, building, fingerprint, progress)
        if request.fingerprint() != fingerprint:
            raise DataError(f"{request.source} changed while it was read; try again when it is finished")
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


def _fill(request: PrepareRequest, building: Path, fingerprint: str, progress: Progress | None) -> PrepareSummary:
    """Write the stores and the list of rejected rows into ``building``; give the summary."""
    began = time.perf_counter()
    listed = building / "rejected.jsonl"
    names = (ROWS,) if request.held_out is None else (TRAIN, HELD_OUT)
    with ExitStack() as stack:
        rejections = Rejections(request.source, stack.enter_context(listed.open("w", encoding="utf-8")))
        metadata = request.store_metadata(fingerprint)
        writers = [stack.enter_context(StoreWriter(building / name, metadata)) for name in names]
        sorter = _Sorter(request, writers)
        for chunk in stack.enter_context(closing(_usable_chunks(request))):
            rows_before = rejections.rows
            rejections.rows += chunk.count
            sorter.add(chunk, rejections)
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
        shortened=sorter.shortened,
        seconds=time.perf_counter() - began,
    )


def _usable_chunks(request: PrepareRequest) -> Generator[Chunk, None, None]:
    records = request.reader(request.source, request.column, request.targets, usual=request.usual_columns)
    return checked(chunks(iter(records)), request.check, request.processes)


def _verdict(rejections: Rejections) -> Verdict:
    return Verdict(
        source=rejections.source,
        rows=rejections.rows,
        rejected=rejections.rejected,
        reasons=rejections.reasons,
        first=rejections.first,
    )


def _give_up(request: PrepareRequest, fingerprint: str, rejections: Rejections, early: bool = False) -> None:
    """Leave the rejected rows where the user can read them, then raise."""
    rejections.file.flush()
    kept = request.cache / f"{fingerprint}.rejected.jsonl"
    Path(rejections.file.name).replace(kept)
    raise _verdict(rejections).error(request.max_rejected, kept, early)


class _Sorter:
    """Tokenizes chunks and sends each row to its store.

    One chunk is held back: only the last one can tell whether a store would stay empty, which happens
    with tiny files; then the file's last usable row goes there.
    """

    def __init__(self, request: PrepareRequest, writers: list[StoreWriter]) -> None:
        self.request = request
        self.writers = writers
        self.shortened = 0
        self.held: _Ready | None = None

    def add(self, chunk: Chunk, rejections: Rejections) -> None:
        """Take a chunk: its unusable rows to the list, its usable ones to the stores."""
        ready, unusable = self._ready(chunk.rows)
        rejections.add(sorted([*chunk.rejected, *unusable], key=lambda row: row.number))
        if ready.rows:
            if self.held is not None:
                self._write(self.held, self._held_out(self.held))
            self.held = ready

    def finish(self) -> None:
        """Write the chunk held back, so that no store stays empty."""
        assert self.held is not None, "a file without usable rows is refused before"
        mask = self._held_out(self.held)
        if len(self.writers) == 2:
            train, held_out = self.writers
            if held_out.rows + int(mask.sum()) == 0:
                mask[-1] = True
            elif train.rows + int((~mask).sum()) == 0:
                mask[-1] = False
            if train.rows + held_out.rows + len(mask) < 2:
                raise DataError(
                    f"{self.request.source} holds one usable row only; training and the held-out "
                    "loss need one each"
                )
        self._write(self.held, mask)

    def _ready(self, rows: list[Row]) -> tuple[_Ready, list[RejectedRow]]:
        """Read the targets, tokenize, and apply the length rule."""
        request = self.request
        targets, rows, unusable = parse_targets(rows, request.targets)
        encoded = request.tokenizer.encode([row.text for row in rows])
        too_long = encoded.lengths > request.max_length
        if not too_long.any():
            return _Ready(rows, encoded, targets), unusable
        if request.truncate:
            self.shortened += int(too_long.sum())
            return _Ready(
                rows, shorten(encoded, request.max_length, request.tokenizer.separator_id), targets
            ), unusable
        for at in np.flatnonzero(too_long).tolist():
            reason = f"too long: {int(encoded.lengths[at])} > {request.max_length}"
            unusable.append(RejectedRow(rows[at].number, reason, rows[at].text))
        return _Ready(rows, encoded, targets).take(np.flatnonzero(~too_long)), unusable

    def _held_out(self, ready: _Ready) -> NDArray[np.bool_]:
        share = self.request.held_out
        if share is None:
            return np.zeros(len(ready.rows), dtype=np.bool_)
        return chosen(ready.numbers, share, self.request.seed)

    def _write(self, ready: _Ready, held_out: NDArray[np.bool_]) -> None:
        for writer, mask in zip(self.writers, (~held_out, held_out), strict=False):
            part = ready if mask.all() else ready.take(np.flatnonzero(mask))
            writer.append(part.encoded, part.numbers, [row.text for row in part.rows], part.targets)


@dataclass(frozen=True, slots=True)
class _Ready:
    """Rows of one chunk that go into a store: ids, and targets (n, K)."""

    rows: list[Row]
    encoded: Encoded
    targets: NDArray[np.float32]

    @property
    def numbers(self) -> NDArray[np.int64]:
        return np.fromiter((row.number for row in self.rows), dtype=np.int64, count=len(self.rows))

    def take(self, at: NDArray[np.int64]) -> _Ready:
        return _Ready([self.rows[i] for i in at.tolist()], select(self.encoded, at), self.targets[at])
