"""`embed`: a vector for every row of a file, in order; rows that cannot be used have NaN."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from sma_core.errors import DataError, UserError
from sma_core.files import replacing
from sma_core.nn.encoder import Latents
from sma_core.nn.heads import mean_latents
from sma_core.nn.model import SMA
from sma_core.plugins.discovery import PluginPolicy
from sma_core.verbs.encoders import EncoderModel
from sma_core.verbs.rows import RowChunk

Pooling = Literal["mean", "latents"]
Vectors = NDArray[np.float32]
FORMATS = (".npy", ".parquet")


@dataclass(frozen=True)
class EmbedResult:
    """The file, its rows, how many of them have no vector, and the shape of a vector."""

    out: Path
    rows: int
    unusable: int
    shape: tuple[int, ...]
    seconds: float


def embed(
    model: Path,
    data: str | Path,
    out: Path,
    *,
    pooling: Pooling = "mean",
    column: str | None = None,
    reader: str | None = None,
    batch_tokens: int = 8192,
    device: str = "auto",
    policy: PluginPolicy | None = None,
) -> EmbedResult:
    """Write the encoder's latents for every row of ``data`` to ``out``, ``.npy`` or ``.parquet``.

    ``mean`` gives the mean of the real latents (n, D), ``latents`` all of them (n, M, D), cross-attention only.
    Rows keep their places; one that cannot be used is NaN. Computed in fp32, so a row's vector does not depend on
    the batch beyond rounding. Memory is bounded by a chunk of rows; the file appears when it is complete.

    Raises:
        CheckpointError: ``model`` is no run, or is damaged.
        DataError: ``data`` cannot be read, or ``out`` cannot be written.
        UserError: ``out`` has another ending, or ``pooling`` does not fit the encoder.
    """
    began = time.monotonic()
    if out.suffix not in FORMATS:
        raise UserError(f"{out}: vectors are written to {' or '.join(FORMATS)}; give one of these endings")
    loaded = EncoderModel.load(model, device, policy)
    if pooling == "latents" and loaded.module.encoder.of_inputs:
        raise UserError("a self-attention encoder has as many latents as a row has inputs: use --pooling mean")
    source = loaded.reading.source(data, column, reader)
    rows = unusable = 0
    shape: tuple[int, ...] = ()
    with _opened(out) as table:
        for chunk in loaded.reading.chunks(source):
            vectors = _vectors(loaded, chunk, pooling, batch_tokens)
            table.add(chunk, vectors)
            shape = vectors.shape[1:]
            rows += len(chunk.numbers)
            unusable += len(chunk.numbers) - len(chunk.usable)
    return EmbedResult(out, rows, unusable, shape, time.monotonic() - began)


def _vectors(model: EncoderModel, chunk: RowChunk, pooling: Pooling, batch_tokens: int) -> Vectors:
    """Encode a chunk: (n, D) or (n, M, D), NaN where a row cannot be used."""
    width = model.model.latent_width
    shape = (width,) if pooling == "mean" else (model.model.latents, width)
    vectors = np.full((len(chunk.numbers), *shape), np.nan, dtype=np.float32)
    for rows, batch in model.batches(chunk, batch_tokens):
        with torch.inference_mode():
            latents = _latents(model, batch.inputs, batch.padding_mask)
            found = mean_latents(latents) if pooling == "mean" else latents.values
        vectors[rows] = found.float().cpu().numpy()
    return vectors


def _latents(model: EncoderModel, inputs: torch.Tensor, padding_mask: torch.Tensor) -> Latents:
    module = model.module
    return (
        module.encode(inputs, padding_mask) if isinstance(module, SMA) else module.encode(inputs, padding_mask)[0]
    )


class _ArrayFile:
    """Vectors appended to a raw file; the ``.npy`` header needs their number, so it is written at the end."""

    def __init__(self, path: Path) -> None:
        self._path, self._raw = path, path.with_name(f"{path.name}.raw")
        self._file = self._raw.open("wb")
        self._rows, self._shape = 0, ()

    def add(self, chunk: RowChunk, vectors: Vectors) -> None:
        """Append a chunk's vectors."""
        self._file.write(vectors.tobytes())
        self._rows += len(vectors)
        self._shape = vectors.shape[1:]

    def close(self, complete: bool) -> None:
        """Write header and vectors, or leave nothing."""
        self._file.close()
        if complete:
            header = {"descr": "<f4", "fortran_order": False, "shape": (self._rows, *self._shape)}
            with self._path.open("wb") as whole, self._raw.open("rb") as raw:
                np.lib.format.write_array_header_1_0(whole, header)
                while block := raw.read(1 << 22):
                    whole.write(block)
        self._raw.unlink()


class _ParquetFile:
    """Columns ``row``, ``input`` (text only), ``vector`` (null where there is none) and ``reason``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def add(self, chunk: RowChunk, vectors: Vectors) -> None:
        """Write a chunk as a row group."""
        flat = vectors.reshape(len(vectors), -1)
        missing = np.array([reason is not None for reason in chunk.reasons], dtype=np.bool_)
        offsets = np.arange(0, flat.size + 1, flat.shape[1], dtype=np.int32)
        lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.reshape(-1)), mask=pa.array(missing))
        columns = {"row": pa.array(chunk.numbers, pa.int64())}
        if chunk.ids is not None:
            columns["input"] = pa.array(chunk.texts, pa.string())
        columns |= {"vector": lists, "reason": pa.array(chunk.reasons, pa.string())}
        table = pa.table(columns)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)

    def close(self, complete: bool) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()
        elif complete:
            raise DataError("there was no row to embed")


@contextmanager
def _opened(out: Path) -> Iterator[_ArrayFile | _ParquetFile]:
    """Open where vectors go; the file appears under its name when it is complete."""
    try:
        with replacing(out) as temporary:
            table = _ArrayFile(temporary) if out.suffix == ".npy" else _ParquetFile(temporary)
            complete = False
            try:
                yield table
                complete = True
            finally:
                table.close(complete)
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror or error}") from error
