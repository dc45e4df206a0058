"""Split rows over ranks, and collect results in file order.

Rank r processes the chunks r, r + ranks, …; after each round rank 0 collects the results. Memory is bounded by one
round.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from sma_core.data.windows import Windows
from sma_core.devices.ranks import Ranks
from sma_core.errors import DataError, OtherRankFailed, UserError
from sma_core.feeds.rows import RowChunk
from sma_core.models.vectors import Vectors
from sma_core.writers.formats.writer import Columns

_DONE, _RESULT, _ERROR = b"", b"+", b"!"


def gather_in_order(ranks: Ranks, results: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the results of all ranks in the order of chunks on rank 0, and nothing on the others.

    When any rank fails, raises `DataError` on rank 0 and `OtherRankFailed` on the others.
    """
    local = iter(results)
    while True:
        gathered = ranks.gather(_next(local))
        for result in gathered:
            if result.startswith(_ERROR):
                message = result[1:].decode()
                raise DataError(message) if ranks.first else OtherRankFailed(message, DataError.exit_code)
        if ranks.first:
            yield from (result[1:] for result in gathered if result)
        if _DONE in gathered:
            return


def _next(results: Iterator[bytes]) -> bytes:
    try:
        return _RESULT + next(results)
    except StopIteration:
        return _DONE
    except UserError as error:
        return _ERROR + str(error).encode()


def pack_table(columns: Columns) -> bytes:
    """Serialise columns as an Arrow stream."""
    table = pa.table(dict(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpack_table(packed: bytes) -> Columns:
    """Deserialise the result of `pack_table`."""
    table = pa.ipc.open_stream(packed).read_all()
    return {name: table.column(name).combine_chunks() for name in table.column_names}


def pack_vectors(parts: Iterable[tuple[RowChunk, Vectors]]) -> bytes:
    """Serialise the parts of a chunk: rows, without the network's inputs, and their vectors."""
    packed = [_pack_part(*part) for part in parts]
    return b"".join(len(part).to_bytes(8, "little") + part for part in packed)


def unpack_vectors(packed: bytes) -> Iterator[tuple[RowChunk, Vectors]]:
    """Deserialise the result of `pack_vectors`."""
    start = 0
    while start < len(packed):
        end = start + 8 + int.from_bytes(packed[start : start + 8], "little")
        yield _unpack_part(packed[start + 8 : end])
        start = end


def _pack_part(chunk: RowChunk, vectors: Vectors) -> bytes:
    texts = chunk.written or chunk.texts  # only tables are written after this
    words = {"texts": texts, "reasons": chunk.reasons, "names": chunk.names, "truncated": chunk.truncated}
    windows = chunk.windows
    parts: dict[str, Any] = {
        "numbers": np.array(chunk.numbers, dtype=np.int64),
        "usable": chunk.usable,
        "values": vectors.values,
        "words": np.frombuffer(json.dumps(words).encode(), dtype=np.uint8),
    }
    if windows is not None:
        parts["windows"] = np.stack([windows.rows, windows.begins, windows.ends])
    if vectors.lengths is not None:
        parts["lengths"] = vectors.lengths
    file = io.BytesIO()
    np.savez(file, **parts)
    return file.getvalue()


def _unpack_part(packed: bytes) -> tuple[RowChunk, Vectors]:
    with np.load(io.BytesIO(packed), allow_pickle=False) as parts:
        words = json.loads(parts["words"].tobytes())
        chunk = RowChunk(
            parts["numbers"].tolist(),
            words["texts"],
            words["reasons"],
            parts["usable"],
            names=words["names"],
            truncated={int(index): text for index, text in words["truncated"].items()},
            windows=Windows(*parts["windows"]) if "windows" in parts else None,
        )
        return chunk, Vectors(parts["values"], parts.get("lengths"))
