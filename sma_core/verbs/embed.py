"""`embed`: write an embedding of every row of a file, or of every position, in order."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from sma_core.config.training import Precision
from sma_core.devices.ranks import joined
from sma_core.feeds.rows import RowChunk
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.vectors import BATCH_TOKENS, Embedder, Pooling, Vectors
from sma_core.paths import as_path, check_outputs, local_files
from sma_core.plugins.discovery import PluginPolicy
from sma_core.printable import counted
from sma_core.writers.gathering import gather_in_order, pack_vectors, unpack_vectors
from sma_core.writers.vector_files import open_vectors

logger = logging.getLogger("sma")


@dataclass(frozen=True)
class EmbedResult:
    """The output file, its number of rows, and the shape of one row's vectors, (D,) with one vector per position.

    ``unusable`` rows have no vector. Of rows longer than the model's ``max_length``, ``truncated`` are read in
    part and ``windowed`` in several windows.
    """

    out: Path
    rows: int
    unusable: int
    truncated: int
    windowed: int
    max_length: int
    shape: tuple[int, ...]
    seconds: float


def embed(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    force: bool = False,
    pooling: Pooling = "mean",
    layer: int | None = None,
    column: str | None = None,
    identifier: str | None = None,
    reader: str | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
    window_overlap: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    device: str = "auto",
    precision: Precision = "fp32",
    policy: PluginPolicy | None = None,
) -> EmbedResult:
    """Write the encoder's embeddings of all rows of ``data`` to ``out``, in order.

    Unusable rows are NaN, null or empty; formats with a column for it keep the reason (see
    `sma_core.writers.vector_files`). Memory use is bounded by a chunk of rows. In fp32 a vector is independent of
    the other rows of its batch, up to rounding.

    Args:
        model: A run of `train` or `finetune`.
        data: A file, folder, pattern, comma-separated list, or the name of a data set.
        out: File ending in ``.npy``, ``.npz``, ``.parquet`` or ``.h5``, which appears only when complete.
        force: Replace an output file that exists.
        pooling: ``mean``: the mean of the real latents (n, D). ``latents``: all latents (n, M, D), cross-attention
            only. ``inputs``: one vector per id or feature, including the separator that ends a text: the latents
            of self-attention, or for a pre-trained run with cross-attention the decoder's states before its
            output layer.
        layer: Number of encoder layers to apply, 0 for the first attention only; None applies all.
        column: Column of the input; None looks for a usual name.
        identifier: Column of row identifiers, copied to the output. For formats that name their rows, such as
            FASTA, it names the column of those names, by default ``id``.
        reader: Name of the reader; None chooses by file suffix.
        delimiter: Character between columns, or ``tab``; None finds it in the first lines.
        columns: Columns that hold the model's features, in its order; None: those of the same names.
        window_overlap: Read rows of text that are longer than the model in windows that share at least this number
            of ids, and average their vectors, or join those of positions; None reads their beginning.
        batch_tokens: Maximum number of padded inputs in one forward pass.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``fp32``, ``bf16`` (faster), ``fp16`` or ``auto``.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        CheckpointError: ``model`` is not a run, or is damaged.
        DataError: ``data`` cannot be read, or ``out`` cannot be written.
        UserError: ``out`` has an unknown ending, is also an input, or exists (unless ``force``), the encoder has
            no such vectors, or windows cannot have such an overlap.
    """
    began = time.monotonic()
    out, rows, unusable, truncated, windowed = as_path(out), 0, 0, 0, 0
    check_outputs(out, inputs=local_files(data), force=force)
    shape: tuple[int, ...] = ()
    not_finite = 0
    with joined() as ranks, open_vectors(out, pooling, identifier) if ranks.first else nullcontext() as file:
        loaded = LoadedRun.load(Path(model), device, policy, precision)
        embedder = Embedder(loaded, pooling, layer, batch_tokens)
        reading = loaded.reading.in_windows(window_overlap)
        source = reading.source(data, column, reader, delimiter, columns, [identifier] if identifier else [])
        parts = map(embedder.chunks, reading.chunks(source, identifier, (ranks.rank, ranks.size)))
        if not ranks.alone:
            parts = map(unpack_vectors, gather_in_order(ranks, map(pack_vectors, parts)))
        for part, vectors in chain.from_iterable(parts):
            assert file is not None, "only rank 0 receives vectors, and it opened the file"
            file.add(part, vectors)
            shape = vectors.values.shape[1:]
            not_finite += _not_finite(part, vectors)
            rows += len(part.numbers)
            unusable += len(part.numbers) - len(part.usable)
            truncated += len(part.truncated)
            windowed += len(part.windowed)
    if not_finite:
        logger.warning(
            f"{counted(not_finite, 'vector')} in {out} are not finite numbers: the model has diverged on them"
        )
    longest = loaded.model.max_length
    return EmbedResult(out, rows, unusable, truncated, windowed, longest, shape, time.monotonic() - began)


def _not_finite(chunk: RowChunk, vectors: Vectors) -> int:
    """Return the number of vectors of usable rows that are not finite."""
    values = vectors.values if vectors.lengths is not None else vectors.values[chunk.usable]
    return int((~np.isfinite(values)).any(axis=-1).sum())
