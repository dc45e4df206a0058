"""Rows as vectors: what is taken from an encoder, after which layer, and in which form.

Letters: n rows, M latents, N positions of a row, D width of a vector, T positions of all rows together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sma_core.data.batching.batches import Batch
from sma_core.errors import UserError
from sma_core.models.encoders import BATCH_TOKENS, EncoderModel
from sma_core.nn.encoder import Latents
from sma_core.nn.heads import mean_latents
from sma_core.nn.model import SMA, Predictor
from sma_core.sources.row_reading import RowChunk

Pooling = Literal["mean", "latents", "inputs"]
NUMBERS_IN_MEMORY = 1 << 24
"""At most so many numbers of vectors are held at a time, or one row's."""


@dataclass(frozen=True)
class Vectors:
    """The vectors of n rows, in their order.

    ``values`` (n, D) or (n, M, D), NaN where a row cannot be used; or, with ``lengths`` (n,), the vectors of each
    row's positions end to end (T, D), none for a row that cannot be used.
    """

    values: NDArray[np.float32]
    lengths: NDArray[np.int64] | None = None

    def of_each(self) -> list[NDArray[np.float32]]:
        """Return the vectors of each row (N, D), where positions have them."""
        assert self.lengths is not None, "these rows have one vector, or as many as there are latents"
        return np.split(self.values, np.cumsum(self.lengths)[:-1])


@dataclass(frozen=True)
class Featurizing:
    """How rows become vectors: the ``mean`` of the latents, all ``latents``, or one for each of the ``inputs``.

    ``layer`` is the number of the trunk's layers that are passed: 0 after the first attention; empty: all.
    """

    encoder: EncoderModel
    pooling: Pooling = "mean"
    layer: int | None = None
    batch_tokens: int = BATCH_TOKENS

    def __post_init__(self) -> None:
        """Raise `UserError` when the encoder has no such vectors."""
        encoder = self.encoder.module.encoder
        check_layer(self.encoder.module, self.layer, str(self.encoder.path))
        if self.pooling == "latents" and encoder.of_inputs:
            raise UserError(
                "a self-attention encoder has as many latents as a row has inputs: use --pooling inputs or mean"
            )
        if self.pooling != "inputs" or encoder.of_inputs:
            return
        if not isinstance(self.encoder.module, SMA):
            raise UserError(
                f"the latents of {self.encoder.path} stand at no position, and a fine-tuned run has lost the "
                "decoder that answers for positions: use --pooling mean or latents, or the pre-trained run"
            )
        if self.layer is not None:
            raise UserError(
                f"the decoder of {self.encoder.path} has learned to read the last layer only: leave --layer away "
                "with --pooling inputs"
            )

    def chunks(self, chunk: RowChunk) -> Iterator[tuple[RowChunk, Vectors]]:
        """Yield a chunk's rows with their vectors, in parts that bound the memory."""
        model = self.encoder.model
        each = {"mean": 1, "latents": model.latents, "inputs": model.max_length}[self.pooling]
        size = max(1, NUMBERS_IN_MEMORY // (each * model.latent_width))
        for part in chunk.cut(size):
            yield part, self._vectors(part)

    def _vectors(self, chunk: RowChunk) -> Vectors:
        if self.pooling == "inputs":
            return self._ragged(chunk)
        width = self.encoder.model.latent_width
        shape = (width,) if self.pooling == "mean" else (self.encoder.model.latents, width)
        values = np.full((len(chunk.numbers), *shape), np.nan, dtype=np.float32)
        for places, batch in self.encoder.batches(chunk, self.batch_tokens):
            with self.encoder.computing():
                latents = latents_of(self.encoder.module, batch, self.layer)
                found = mean_latents(latents) if self.pooling == "mean" else latents.values
            values[chunk.usable[places]] = found.float().cpu().numpy()
        return Vectors(values)

    def _ragged(self, chunk: RowChunk) -> Vectors:
        found: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(chunk.numbers)
        lengths = np.zeros(len(chunk.numbers), dtype=np.int64)
        for places, batch in self.encoder.batches(chunk, self.batch_tokens):
            rows = chunk.usable[places]
            states = self._states(batch).float().cpu().numpy()  # (B, N, D)
            lengths[rows] = batch.padding_mask.sum(dim=1).cpu().numpy()
            for row, state in zip(rows.tolist(), states, strict=True):
                found[row] = state[: lengths[row]]
        width = self.width
        flat = [each for each, length in zip(found, lengths.tolist(), strict=True) if length]
        return Vectors(np.concatenate([np.empty((0, width), dtype=np.float32), *flat]), lengths)

    def _states(self, batch: Batch) -> Tensor:
        """Give a vector for every position (B, N, D); what stands at padding means nothing."""
        module = self.encoder.module
        with self.encoder.computing():
            if module.encoder.of_inputs:
                return latents_of(module, batch, self.layer).values
            assert isinstance(module, SMA), "others are refused"
            return module.hidden_states(batch.inputs, batch.padding_mask)

    @property
    def width(self) -> int:
        """D."""
        model = self.encoder.model
        decoded = self.pooling == "inputs" and not self.encoder.module.encoder.of_inputs
        return model.decoder.output_width if decoded else model.latent_width


def check_layer(module: SMA | Predictor, layer: int | None, where: str) -> int:
    """Return the number of layers to pass; raises `UserError` when the network of ``where`` has not as many."""
    depth = module.encoder.depth
    if layer is not None and not 0 <= layer <= depth:
        raise UserError(f"{where} has the layers 0 to {depth}, not {layer}")
    return depth if layer is None else layer


@torch.inference_mode()
def latents_of(module: SMA | Predictor, batch: Batch, layer: int | None = None) -> Latents:
    """Encode a batch with nothing hidden; ``layer`` as in `Featurizing`."""
    found = module.encode(batch.inputs, batch.padding_mask, layer)
    return found if isinstance(found, Latents) else found.latents
