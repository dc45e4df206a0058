"""Workloads: models and seeded random batches of the sizes with which the authors' code was timed.

The models are not those that the authors released, which the recipes ``paper`` have. Texts are random letters, and
each row ends with a separator. Lengths include the separator and are drawn with PCG64:

- chem-padded: normal, mean 60, deviation 15, at least 16, rounded; padded to 512
- chem-packed: rows of such lengths, concatenated and truncated to 512
- chem-bucketed: uniform from 60 to 76, including a 76, like batches of similar length; padded like the loader
- protein-1024: all 1,024; protein-378: uniform from 340 to 378, including a 378
- physics: 28 standard normal features
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from sma_core.config import DecoderConfig, MaskingConfig, ModelConfig
from sma_core.data.batching.batches import MULTIPLE, Batch, collate_encoded
from sma_core.data.tokenizers import ByteTokenizer, EncodedRows
from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs, Inputs

TEXT = DiscreteInputs(ByteTokenizer.vocabulary_size)
CHEM = MaskingConfig(ratio=0.3)
PROTEIN = MaskingConfig(ratio=0.15)
PHYSICS = MaskingConfig(ratio=0.2, keys_per_query=2.0, anneal="mix", anneal_start=1.0, anneal_over=0.25)
BYTES_MODEL = ModelConfig(max_length=512)
"""The model for bytes of these timings, which is the default of `ModelConfig`."""
EVENT_MODEL = ModelConfig(
    max_length=28,
    embedding_width=128,
    latents=32,
    latent_width=256,
    layers=4,
    decoder=DecoderConfig(width=128),
)

Lengths = Callable[[np.random.Generator, int], NDArray[np.int64]]


@dataclass(frozen=True)
class Workload:
    """Model, masking and batches of ``rows`` rows, whose lengths are drawn by ``lengths``."""

    name: str
    rows: int
    longest: int
    model: ModelConfig
    masking: MaskingConfig
    inputs: Inputs = TEXT
    lengths: Lengths | None = None
    padded: bool = False
    """Whether to pad every batch to ``longest``."""

    def batches(self, count: int, seed: int) -> list[Batch]:
        """Draw ``count`` batches."""
        draws = np.random.Generator(np.random.PCG64(seed))
        return [self._batch(draws) for _ in range(count)]

    def _batch(self, draws: np.random.Generator) -> Batch:
        if isinstance(self.inputs, ContinuousInputs):
            values = draws.standard_normal((self.rows, self.longest, self.inputs.channels), dtype=np.float32)
            real = torch.ones(self.rows, self.longest, dtype=torch.bool)
            return Batch(torch.from_numpy(values), real, None, np.arange(self.rows))
        lengths = (self.lengths or _full(self.longest))(draws, self.rows)
        encoded = _letters(draws, lengths)
        multiple = self.longest if self.padded else MULTIPLE
        return collate_encoded(encoded, ByteTokenizer.pad_id, multiple, self.longest)


def _letters(draws: np.random.Generator, lengths: NDArray[np.int64]) -> EncodedRows:
    """Draw ids of capital letters, with a separator at the end of each row."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = draws.integers(ord("A") + 6, ord("Z") + 7, offsets[-1]).astype(np.uint16)
    values[offsets[1:] - 1] = ByteTokenizer.separator_id
    return EncodedRows(values, offsets)


def _full(length: int) -> Lengths:
    return lambda draws, rows: np.full(rows, length)


def _molecules(draws: np.random.Generator, rows: int) -> NDArray[np.int64]:
    return np.clip(np.rint(draws.normal(60.0, 15.0, rows)), 16, 512).astype(np.int64)


def _alike(least: int, most: int) -> Lengths:
    """Return a function that draws lengths from ``least`` to ``most``, including ``most``."""

    def draw(draws: np.random.Generator, rows: int) -> NDArray[np.int64]:
        lengths = draws.integers(least, most + 1, rows)
        lengths[-1] = most
        return lengths

    return draw


@dataclass(frozen=True)
class PackedWorkload(Workload):
    """Workload whose inputs are several rows concatenated to full length."""

    def _batch(self, draws: np.random.Generator) -> Batch:
        values = []
        for _ in range(self.rows):
            joined = _letters(draws, _molecules(draws, self.longest // 16)).values
            values.append(joined[: self.longest])
        offsets = np.arange(self.rows + 1) * self.longest
        return collate_encoded(EncodedRows(np.concatenate(values), offsets), ByteTokenizer.pad_id, 1, self.longest)


def _workloads() -> dict[str, Workload]:
    protein = BYTES_MODEL.model_copy(update={"max_length": 1024})
    workloads = (
        Workload("chem-padded", 32, 512, BYTES_MODEL, CHEM, lengths=_molecules, padded=True),
        PackedWorkload("chem-packed", 32, 512, BYTES_MODEL, CHEM),
        Workload("chem-bucketed", 32, 512, BYTES_MODEL, CHEM, lengths=_alike(60, 76)),
        Workload("protein-1024", 8, 1024, protein, PROTEIN),
        Workload("protein-378", 8, 1024, protein, PROTEIN, lengths=_alike(340, 378)),
        Workload("physics", 128, 28, EVENT_MODEL, PHYSICS, ContinuousInputs(1)),
    )
    return {workload.name: workload for workload in workloads}


WORKLOADS = _workloads()


def small(workload: Workload) -> Workload:
    """Return the workload with two rows and a small model, for tests."""
    model = workload.model.model_copy(
        update={
            "embedding_width": 16,
            "latents": 4,
            "latent_width": 16,
            "layers": 1,
            "decoder": workload.model.decoder.model_copy(update={"width": 16}),
        }
    )
    return replace(workload, rows=2, model=model)
