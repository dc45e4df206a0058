"""Rows shared out over ranks, and what is made of them put back into one order.

Rank r takes the chunks r, r + ranks, …; after each round rank 0 has those of all. No rank holds more than a round.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from sma_core.devices.ranks import Ranks
from sma_core.errors import DataError, OtherRankFailed, UserError
from sma_core.feeds.rows import RowChunk
from sma_core.models.vectors import Vectors
from sma_core.writers.tables import Columns

_DONE, _RESULT, _ERROR = b"", b"+", b"!"


def gather_in_order(ranks: Ranks, results: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the results of all ranks on rank 0, in the order of their chunks; nothing on the others.

    Raises `DataError` on rank 0 when one of them met an error, and `OtherRankFailed` on the others.
    """
    own = iter(results)
    while True:
        gathered = ranks.gather(_next(own))
        for each in gathered:
            if each.startswith(_ERROR):
                sentence = each[1:].decode()
                raise DataError(sentence) if ranks.first else OtherRankFailed(sentence, DataError.exit_code)
        if ranks.first:
            yield from (each[1:] for each in gathered if each)
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
    """Write columns as an Arrow stream."""
    table = pa.table(dict(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpack_table(packed: bytes) -> Columns:
    """Read what `pack_table` wrote."""
    table = pa.ipc.open_stream(packed).read_all()
    return {name: table.column(name).combine_chunks() for name in table.column_names}


def pack_vectors(parts: Iterable[tuple[RowChunk, Vectors]]) -> bytes:
    """Write the parts of a chunk: rows, without what the network reads of them, and their vectors."""
    packed = [_pack_part(*part) for part in parts]
    return b"".join(len(each).to_bytes(8, "little") + each for each in packed)


def unpack_vectors(packed: bytes) -> Iterator[tuple[RowChunk, Vectors]]:
    """Read what `pack_vectors` wrote."""
    at = 0
    while at < len(packed):
        end = at + 8 + int.from_bytes(packed[at : at + 8], "little")
        yield _unpack_part(packed[at + 8 : end])
        at = end


def _pack_part(chunk: RowChunk, vectors: Vectors) -> bytes:
    words = {"texts": chunk.texts, "reasons": chunk.reasons, "names": chunk.names}
    parts: dict[str, Any] = {
        "numbers": np.array(chunk.numbers, dtype=np.int64),
        "usable": chunk.usable,
        "values": vectors.values,
        "words": np.frombuffer(json.dumps(words).encode(), dtype=np.uint8),
    }
    if vectors.lengths is not None:
        parts["lengths"] = vectors.lengths
    file = io.BytesIO()
    np.savez(file, **parts)
    return file.getvalue()


def _unpack_part(packed: bytes) -> tuple[RowChunk, Vectors]:
    with np.load(io.BytesIO(packed), allow_pickle=False) as parts:
        words = json.loads(parts["words"].tobytes())
        chunk = RowChunk(
            parts["numbers"].tolist(), words["texts"], words["reasons"], parts["usable"], names=words["names"]
        )
        return chunk, Vectors(parts["values"], parts.get("lengths"))
