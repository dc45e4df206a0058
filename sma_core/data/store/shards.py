"""Write a store shard by shard, so that an interrupted preparation can continue.

A shard is ``rows-00000.arrow``, its rejected rows ``rejected-00000.jsonl``, and, written last, ``rows-00000.json``
with its counts, size and SHA-256 sum. An interrupted preparation continues after the last complete shard.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from sma_core.data.preparation.prepared import PrepareSummary, ShardFile
from sma_core.data.preparation.prepared_chunk import PreparedChunk
from sma_core.data.preparation.rejected import Rejections
from sma_core.data.remote.files import DataFile
from sma_core.data.store.format import StoreMetadata
from sma_core.data.store.writer import StoreWriter
from sma_core.files import replacing, write_atomically

SHARD_BYTES = 2 << 30
"""A shard ends with the chunk that reaches this number of bytes, or the requested number of rows."""
LOCK = ".lock"
REJECTED = "rejected.jsonl"


class ShardWriter:
    """Writes chunks to shards of ``folder``, each of about ``rows`` source rows; ``done`` shards exist already.

    On normal exit the last shard is completed; an exception removes it and keeps those before it.
    """

    def __init__(self, folder: Path, source: DataFile, metadata: StoreMetadata, rows: int, done: int) -> None:
        self.finished: list[PrepareSummary] = []
        self._folder, self._source, self._metadata, self._most, self._done = folder, source, metadata, rows, done
        self._shard: _Shard | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401 - exception type, value, traceback
        if self._shard is not None:
            self._end(*error)

    def add(self, chunk: PreparedChunk) -> None:
        """Write a chunk, which is never split over shards."""
        if self._shard is None:
            number = self._done + len(self.finished)
            self._shard = _Shard(self._folder, number, self._source, self._metadata)
        self._shard.add(chunk)
        bytes_held = self._shard.writer.ids * self._metadata.row_type.itemsize
        if self._shard.rejections.rows >= self._most or bytes_held >= SHARD_BYTES:
            self._end(None, None, None)

    def _end(self, *error: Any) -> None:  # noqa: ANN401 - exception type, value, traceback
        shard, self._shard = self._shard, None
        assert shard is not None, "only a shard that was begun ends"
        shard.close(*error)
        if error[0] is None:
            self.finished.append(shard.publish_facts())


class _Shard:
    """The shard that is being written."""

    def __init__(self, folder: Path, number: int, source: DataFile, metadata: StoreMetadata) -> None:
        rows, rejected, self._facts = _paths(folder, number)
        self._shortened = self._windowed = self._windows = 0
        with ExitStack() as stack:
            listed = stack.enter_context(replacing(rejected))
            file = stack.enter_context(listed.open("w", encoding="utf-8"))
            self.rejections = Rejections(source=source, file=file)
            self.writer = stack.enter_context(StoreWriter(rows, metadata))
            self._open = stack.pop_all()

    def add(self, chunk: PreparedChunk) -> None:
        self.rejections.rows += chunk.count
        self.rejections.add(chunk.rejected)
        self._shortened += chunk.shortened
        self._windowed += chunk.windowed
        self._windows += chunk.windows
        self.writer.classes = chunk.classes
        if len(chunk.ready.numbers):
            chunk.ready.write(self.writer)

    def close(self, *error: Any) -> None:  # noqa: ANN401 - exception type, value, traceback
        """Publish both files; after an error remove them."""
        self._open.__exit__(*error)

    def publish_facts(self) -> PrepareSummary:
        """Write and return the counts of a published shard."""
        counts, writer = self.rejections, self.writer
        summary = PrepareSummary(
            rows=counts.rows,
            kept=counts.rows - counts.rejected,
            rejected=counts.rejected,
            reasons=dict(counts.reasons.most_common()),
            first=counts.first,
            shards=(ShardFile.with_rows(writer.path, writer.rows),),
            ids=writer.ids,
            longest=writer.longest,
            shortened=self._shortened,
            seconds=0.0,
            windowed=self._windowed,
            windows=self._windows,
        )
        write_atomically(self._facts, json.dumps(summary.to_json()))
        return summary


def complete_shards(folder: Path) -> list[PrepareSummary]:
    """Return the counts of the leading shards whose checksums match; remove all other files."""
    summaries: list[PrepareSummary] = []
    while (summary := _read_summary(folder, len(summaries))) is not None:
        summaries.append(summary)
    kept = {folder / LOCK, *(path for number in range(len(summaries)) for path in _paths(folder, number))}
    for path in folder.iterdir():
        if path not in kept:
            path.unlink(missing_ok=True)
    return summaries


def _read_summary(folder: Path, number: int) -> PrepareSummary | None:
    """Return the counts of a shard, None when it is missing or damaged."""
    rows, rejected, facts = _paths(folder, number)
    try:
        summary = PrepareSummary.read(facts)
        with rejected.open("rb") as file:
            lines = sum(1 for _ in file)
    except (OSError, ValueError):
        return None
    whole = len(summary.shards) == 1 and summary.shards[0].is_whole(rows, always=True)
    return summary if whole and lines == summary.rejected else None


def join_rejected(folder: Path, shards: int) -> None:
    """Merge the shards' lists of rejected rows."""
    with replacing(folder / REJECTED) as temporary, temporary.open("wb") as file:
        for number in range(shards):
            file.write(_paths(folder, number)[1].read_bytes())


def remove_shard_facts(folder: Path, shards: int) -> None:
    """Remove the per-shard lists and counts, which a complete folder does not need."""
    for number in range(shards):
        for path in _paths(folder, number)[1:]:
            path.unlink(missing_ok=True)


def _paths(folder: Path, number: int) -> tuple[Path, Path, Path]:
    """Return the paths of a shard's rows, rejected rows, and counts."""
    names = (f"rows-{number:05d}.arrow", f"rejected-{number:05d}.jsonl", f"rows-{number:05d}.json")
    first, second, third = (folder / name for name in names)
    return first, second, third
