"""`embed`: a vector for every row of a file, or for every position of a row; in order."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sma_core.config.models import Precision
from sma_core.devices.ranks import joined
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.vectors import BATCH_TOKENS, Embedder, Pooling
from sma_core.plugins.discovery import PluginPolicy
from sma_core.writers.gathering import gather_in_order, pack_vectors, unpack_vectors
from sma_core.writers.vector_files import open_vectors


@dataclass(frozen=True)
class EmbedResult:
    """The file, its rows, how many of them have no vector, and the shape of what a row has.

    Where every position has a vector, ``shape`` is that of one: (D,).
    """

    out: Path
    rows: int
    unusable: int
    shape: tuple[int, ...]
    seconds: float


def embed(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    pooling: Pooling = "mean",
    layer: int | None = None,
    column: str | None = None,
    identifier: str | None = None,
    reader: str | None = None,
    batch_tokens: int = BATCH_TOKENS,
    device: str = "auto",
    precision: Precision = "fp32",
    policy: PluginPolicy | None = None,
) -> EmbedResult:
    """Write the encoder's vectors for every row of ``data`` to ``out``: ``.npy``, ``.npz``, ``.parquet``, ``.h5``.

    ``mean`` gives the mean of the real latents (n, D), ``latents`` all of them (n, M, D), cross-attention only,
    ``inputs`` a vector for each id or feature that the model reads, the separator at a text's end included: with
    self-attention the latents themselves, with cross-attention what the decoder of a pre-trained run has at each
    position before its output map. ``layer`` is the number of the trunk's layers that are passed, 0 after the
    first attention; empty: all.

    Rows keep their places and numbers; one that cannot be used is NaN, null, or without vectors, and keeps its
    reason where the format has a place for it (see `sma_core.writers.vector_files`). ``identifier`` names a column
    of the file that comes along. Memory is bounded by a chunk of rows; the file appears when it is complete.
    In fp32 a vector does not depend on the batch beyond rounding; ``precision`` bf16 is faster.

    Raises:
        CheckpointError: ``model`` is no run, or is damaged.
        DataError: ``data`` cannot be read, or ``out`` cannot be written.
        UserError: ``out`` has another ending, or the encoder has no such vectors.
    """
    began = time.monotonic()
    out, rows, unusable = Path(out), 0, 0
    shape: tuple[int, ...] = ()
    with joined() as ranks, open_vectors(out, pooling, identifier) if ranks.first else nullcontext() as file:
        loaded = LoadedRun.load(Path(model), device, policy, precision)
        embedder = Embedder(loaded, pooling, layer, batch_tokens)
        source = loaded.reading.source(data, column, reader)
        parts = map(embedder.chunks, loaded.reading.chunks(source, identifier, (ranks.rank, ranks.size)))
        if not ranks.alone:
            parts = map(unpack_vectors, gather_in_order(ranks, map(pack_vectors, parts)))
        for part, vectors in chain.from_iterable(parts):
            assert file is not None, "rank 0 has a file to write to, and no other gets anything"
            file.add(part, vectors)
            shape = vectors.values.shape[1:]
            rows += len(part.numbers)
            unusable += len(part.numbers) - len(part.usable)
    return EmbedResult(out, rows, unusable, shape, time.monotonic() - began)
