"""A store in the making: rows go to one file after another, each published when it is whole.

A shard is ``rows-00000.arrow``, the rows set aside meanwhile in ``rejected-00000.jsonl``, and, written last,
``rows-00000.json`` with its figures, size and SHA-256 sum. What was killed goes on after the last whole shard.
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
"""A shard ends with the piece that reaches so many bytes of ids or values, or as many rows as were asked for."""
LOCK = ".lock"
REJECTED = "rejected.jsonl"


class ShardWriter:
    """Writes pieces to shards of ``folder``, after ``done`` of them, each of about ``rows`` rows of the source.

    Leaving normally finishes the last one, an exception removes it; those before it stay.
    """

    def __init__(self, folder: Path, source: DataFile, metadata: StoreMetadata, rows: int, done: int) -> None:
        self.finished: list[PrepareSummary] = []
        self._folder, self._source, self._metadata, self._most, self._done = folder, source, metadata, rows, done
        self._shard: _Shard | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401 - the protocol's three values
        if self._shard is not None:
            self._end(*error)

    def add(self, piece: PreparedChunk) -> None:
        """Take a piece, which stays in one shard."""
        if self._shard is None:
            number = self._done + len(self.finished)
            self._shard = _Shard(self._folder, number, self._source, self._metadata)
        self._shard.add(piece)
        bytes_held = self._shard.writer.ids * self._metadata.row_type.itemsize
        if self._shard.rejections.rows >= self._most or bytes_held >= SHARD_BYTES:
            self._end(None, None, None)

    def _end(self, *error: Any) -> None:  # noqa: ANN401 - the protocol's three values
        shard, self._shard = self._shard, None
        assert shard is not None, "only a shard that was begun ends"
        shard.close(*error)
        if error[0] is None:
            self.finished.append(shard.publish_facts())


class _Shard:
    """The shard being written."""

    def __init__(self, folder: Path, number: int, source: DataFile, metadata: StoreMetadata) -> None:
        rows, rejected, self._facts = _paths(folder, number)
        self._shortened = 0
        with ExitStack() as stack:
            listed = stack.enter_context(replacing(rejected))
            file = stack.enter_context(listed.open("w", encoding="utf-8"))
            self.rejections = Rejections(source=source, file=file)
            self.writer = stack.enter_context(StoreWriter(rows, metadata))
            self._open = stack.pop_all()

    def add(self, piece: PreparedChunk) -> None:
        self.rejections.rows += piece.count
        self.rejections.add(piece.rejected)
        self._shortened += piece.shortened
        self.writer.classes = piece.classes
        if len(piece.ready.numbers):
            piece.ready.write(self.writer)

    def close(self, *error: Any) -> None:  # noqa: ANN401 - the protocol's three values
        """Publish both files, or after an error remove them."""
        self._open.__exit__(*error)

    def publish_facts(self) -> PrepareSummary:
        """Write and return the figures of a shard whose files are published."""
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
        )
        write_atomically(self._facts, json.dumps(summary.to_json()))
        return summary


def whole_shards(folder: Path) -> list[PrepareSummary]:
    """Return the figures of the shards, from the first, that are there and have their sums; remove all else."""
    found: list[PrepareSummary] = []
    while (summary := _whole(folder, len(found))) is not None:
        found.append(summary)
    kept = {folder / LOCK, *(path for number in range(len(found)) for path in _paths(folder, number))}
    for path in folder.iterdir():
        if path not in kept:
            path.unlink(missing_ok=True)
    return found


def _whole(folder: Path, number: int) -> PrepareSummary | None:
    rows, rejected, facts = _paths(folder, number)
    try:
        summary = PrepareSummary.from_json(json.loads(facts.read_text(encoding="utf-8")))
        with rejected.open("rb") as file:
            lines = sum(1 for _ in file)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    whole = len(summary.shards) == 1 and summary.shards[0].is_whole(rows, always=True)
    return summary if whole and lines == summary.rejected else None


def join_rejected(folder: Path, shards: int) -> None:
    """Write the list of all rows set aside."""
    with replacing(folder / REJECTED) as temporary, temporary.open("wb") as file:
        for number in range(shards):
            file.write(_paths(folder, number)[1].read_bytes())


def tidy(folder: Path, shards: int) -> None:
    """Remove what only a preparation under way needs."""
    for number in range(shards):
        for path in _paths(folder, number)[1:]:
            path.unlink(missing_ok=True)


def _paths(folder: Path, number: int) -> tuple[Path, Path, Path]:
    """Return where a shard's rows, its list of rows set aside, and its figures stand."""
    names = (f"rows-{number:05d}.arrow", f"rejected-{number:05d}.jsonl", f"rows-{number:05d}.json")
    first, second, third = (folder / name for name in names)
    return first, second, third
