"""Embeddings of rows: pooling of the encoder's latents, after a chosen layer.

Letters: n rows, M latents, N positions of a row, D width of a vector, T positions of all rows together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sma_core.data.batching.batches import Batch
from sma_core.errors import UserError
from sma_core.feeds.rows import RowChunk
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.heads import mean_latents
from sma_core.nn.model import SMA, Predictor

if TYPE_CHECKING:
    from sma_core.models.loaded_run import LoadedRun

BATCH_TOKENS = 8192
"""Default maximum number of padded inputs in one forward pass."""
Pooling = Literal["mean", "latents", "inputs"]
MAX_VALUES_IN_MEMORY = 1 << 24
"""Maximum number of vector elements in memory at a time, if more than one row."""


@dataclass(frozen=True)
class Vectors:
    """The vectors of n rows, in order.

    ``values`` (n, D) or (n, M, D), NaN for unusable rows; or with ``lengths`` (n,) the concatenated vectors of all
    positions (T, D), where unusable rows have length 0.
    """

    values: NDArray[np.float32]
    lengths: NDArray[np.int64] | None = None

    def of_rows(self) -> list[NDArray[np.float32]]:
        """Return the vectors of each row (N, D), for vectors of positions."""
        assert self.lengths is not None, "these are not vectors of positions"
        return np.split(self.values, np.cumsum(self.lengths)[:-1])


@dataclass(frozen=True)
class Embedder:
    """Converts rows to vectors: the ``mean`` of latents, all ``latents``, or one vector per input (``inputs``).

    ``layer`` is the number of encoder layers to apply, 0 for the first attention only; None applies all.
    """

    run: LoadedRun
    pooling: Pooling = "mean"
    layer: int | None = None
    batch_tokens: int = BATCH_TOKENS

    def __post_init__(self) -> None:
        """Raise `UserError` when the encoder has no such vectors."""
        encoder = self.run.module.encoder
        check_layer(self.run.module, self.layer, str(self.run.path))
        if self.pooling == "latents" and encoder.of_inputs:
            raise UserError("a self-attention encoder has one latent per input: use `pooling=inputs` or mean")
        if self.pooling != "inputs" or encoder.of_inputs:
            return
        if not isinstance(self.run.module, SMA):
            raise UserError(
                f"{self.run.path} has no vectors of positions, since a fine-tuned run with cross-attention has no "
                "decoder: use `pooling=mean` or latents, or the pre-trained run"
            )
        if self.layer is not None:
            raise UserError(
                f"the decoder of {self.run.path} reads only the last layer: omit `layer` with `pooling=inputs`"
            )

    def of_all(self, chunks: Iterable[RowChunk]) -> Iterator[tuple[RowChunk, Vectors]]:
        """Yield the rows of all chunks with their vectors, in order."""
        for chunk in chunks:
            yield from self.chunks(chunk)

    def chunks(self, chunk: RowChunk) -> Iterator[tuple[RowChunk, Vectors]]:
        """Yield a chunk's rows with their vectors, in parts small enough for memory."""
        model = self.run.model
        per_row = {"mean": 1, "latents": model.latents, "inputs": model.max_length}[self.pooling]
        size = max(1, MAX_VALUES_IN_MEMORY // (per_row * model.latent_width))
        for part in chunk.cut(size):
            yield part, self._vectors(part)

    def _vectors(self, chunk: RowChunk) -> Vectors:
        if self.pooling == "inputs":
            return self._ragged(chunk)
        width = self.run.model.latent_width
        shape = (width,) if self.pooling == "mean" else (self.run.model.latents, width)
        windows = chunk.windows
        read = np.empty((len(chunk.usable) if windows is None else len(windows.rows), *shape), dtype=np.float32)
        for places, batch in self.run.batches(chunk, self.batch_tokens):
            with self.run.computing():
                latents = latents_of(self.run.module, batch, self.layer)
                vectors = mean_latents(latents) if self.pooling == "mean" else latents.values
            read[places] = vectors.float().cpu().numpy()
        values = np.full((len(chunk), *shape), np.nan, dtype=np.float32)
        values[chunk.usable] = read if windows is None else windows.mean(read)
        return Vectors(values)

    def _ragged(self, chunk: RowChunk) -> Vectors:
        windows = chunk.windows
        count = len(chunk.usable) if windows is None else len(windows.rows)
        vectors: list[NDArray[np.floating]] = [np.empty(0, dtype=np.float32)] * count
        for places, batch in self.run.batches(chunk, self.batch_tokens):
            states = self._states(batch).float().cpu().numpy()  # (B, N, D)
            lengths = batch.padding_mask.sum(dim=1).tolist()
            for place, state, length in zip(places.tolist(), states, lengths, strict=True):
                vectors[place] = state[:length]
        rows = vectors if windows is None else windows.joined(vectors)
        row_lengths = np.zeros(len(chunk), dtype=np.int64)
        row_lengths[chunk.usable] = [len(row) for row in rows]
        return Vectors(np.concatenate([np.empty((0, self.width), dtype=np.float32), *rows]), row_lengths)

    def _states(self, batch: Batch) -> Tensor:
        """Return a vector for every position (B, N, D); vectors at padding are undefined."""
        module = self.run.module
        with self.run.computing():
            if module.encoder.of_inputs:
                return latents_of(module, batch, self.layer).values
            assert isinstance(module, SMA), "__post_init__ rejects other runs"
            return module.hidden_states(batch.inputs, batch.padding_mask)

    @property
    def width(self) -> int:
        """Width D of a vector."""
        model = self.run.model
        decoded = self.pooling == "inputs" and not self.run.module.encoder.of_inputs
        return model.decoder.output_width if decoded else model.latent_width


def check_layer(module: SMA | Predictor, layer: int | None, owner: str) -> int:
    """Return the number of layers to apply; raises `UserError` when the network of ``owner`` has fewer."""
    depth = module.encoder.depth
    if layer is not None and not 0 <= layer <= depth:
        raise UserError(f"{owner} has layers 0 to {depth}, not {layer}")
    return depth if layer is None else layer


@torch.inference_mode()
def latents_of(module: SMA | Predictor, batch: Batch, layer: int | None = None) -> Latents:
    """Encode a batch without masking; ``layer`` is as in `Embedder`."""
    encoded = module.encode(batch.inputs, batch.padding_mask, layer)
    return encoded if isinstance(encoded, Latents) else encoded.latents
