"""Any run as an encoder: its network, how it reads rows, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sma_core.config import FinetuneConfig, MaskingConfig, ModelConfig, PretrainConfig
from sma_core.config.layers import Layer, Values, resolve
from sma_core.config.models import Precision
from sma_core.data.batching.batches import MULTIPLE, Batch, collate_encoded, collate_values
from sma_core.data.tokenizers import select
from sma_core.devices.device import FixedPrecision, autocast, choose_device, choose_precision, warn_of_imitation
from sma_core.models.build import build_predictor, present, put_weights
from sma_core.nn.model import SMA, Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.runs.provenance import parts_of
from sma_core.runs.run_folder import RunFolder
from sma_core.sources.feeds import feed_of_run
from sma_core.sources.row_reading import RowChunk, RowReading
from sma_core.training.targets import Targets

BATCH_TOKENS = 8192
"""Padded inputs in one forward pass, unless the user says otherwise."""


@dataclass(frozen=True)
class RunContents:
    """What makes a run's folder a model: ``model.json``, ``config.toml`` and weights, read into memory."""

    path: Path
    facts: dict[str, Any]
    config: Values
    weights: dict[str, Tensor]

    @classmethod
    def read(cls, path: Path) -> RunContents:
        """Read a run; raises `CheckpointError` when it is none, is damaged, or has no checkpoint yet."""
        run = RunFolder.open(path)
        facts = run.model()
        found = run.checkpoints.best() if facts["verb"] == "finetune" else run.checkpoints.latest()
        return cls(path, facts, run.config(), present(found, run).model())

    @property
    def is_finetuned(self) -> bool:
        """Whether it has learned a task."""
        return bool(self.facts["verb"] == "finetune")


@dataclass(frozen=True)
class EncoderModel:
    """A run of `train` or `finetune`, loaded for reading rows.

    ``masking`` is that of a pre-trained run; ``task`` and ``targets`` are those of a fine-tuned one. In fp32 what
    it gives for a row does not depend on the batch beyond rounding.
    """

    path: Path
    reading: RowReading
    model: ModelConfig
    module: SMA | Predictor
    device: torch.device
    masking: MaskingConfig | None = None
    task: str | None = None
    targets: Targets | None = None
    precision: FixedPrecision = "fp32"

    @classmethod
    def load(
        cls, path: Path, device: str = "auto", policy: PluginPolicy | None = None, precision: Precision = "fp32"
    ) -> EncoderModel:
        """Load the newest checkpoint of a pre-trained run, or the best of a fine-tuned one."""
        return cls.of(RunContents.read(path), device, policy, precision)

    @classmethod
    def of(
        cls,
        run: RunContents,
        device: str = "auto",
        policy: PluginPolicy | None = None,
        precision: Precision = "fp32",
    ) -> EncoderModel:
        """Build the network of a run and put its weights in."""
        with parts_of(run.path, run.facts, policy):
            registry = Registry.load(run.facts["domain"]["name"], policy)
            build = _finetuned if run.is_finetuned else _pretrained
            place = choose_device(device)
            chosen = choose_precision(precision, place, "--precision")
            warn_of_imitation(chosen, place, "take --precision fp32")
            return replace(build(run, registry, place), precision=chosen)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Compute without gradients, in the run's arithmetic."""
        with torch.inference_mode(), autocast(self.device, self.precision):
            yield

    @property
    def domain(self) -> str:
        """Name of the domain whose rows it reads."""
        return self.reading.registry.name

    def batches(self, chunk: RowChunk, tokens: int) -> Iterator[tuple[NDArray[np.int64], Batch]]:
        """Yield batches of at most ``tokens`` padded inputs (one row at least), with their rows' places.

        A place is an index into the chunk's usable rows (m,). Rows of like length share a batch.
        """
        for places in of_like_length(self._padded_lengths(chunk), tokens):
            yield places, self._batch(chunk, places).to(self.device)

    def _padded_lengths(self, chunk: RowChunk) -> NDArray[np.int64]:
        if chunk.ids is not None:
            return -(-chunk.ids.lengths // MULTIPLE) * MULTIPLE
        assert chunk.values is not None, "a chunk has ids or values"
        return np.full(len(chunk.values), chunk.values.shape[1], dtype=np.int64)

    def _batch(self, chunk: RowChunk, places: NDArray[np.int64]) -> Batch:
        if chunk.ids is not None:
            ids = select(chunk.ids, places)
            return collate_encoded(ids, self.reading.feed.pad_id, max_length=self.model.max_length)
        assert chunk.values is not None, "a chunk has ids or values"
        scale = self.reading.feed.scale
        assert scale is not None, "values are read by a model with a scale"
        return collate_values(chunk.values[places], scale)


def of_like_length(padded: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield places of rows that share a batch: shortest first, at most ``tokens`` padded inputs, or one row."""
    order = np.argsort(padded, kind="stable")
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and int(padded[order[end]]) * (end + 1 - begin) <= tokens:
            end += 1
        yield order[begin:end]
        begin = end


def _pretrained(run: RunContents, registry: Registry, device: torch.device) -> EncoderModel:
    config = resolve(PretrainConfig, [Layer(str(run.path), run.config)]).config
    feed = feed_of_run(registry, config.data, run.facts)
    module = SMA(config.model, feed.inputs)
    put_weights(module, run.weights, run.path)
    reading = RowReading(registry, feed, config.data, config.model.max_length)
    return EncoderModel(run.path, reading, config.model, module.to(device).eval(), device, config.masking)


def _finetuned(run: RunContents, registry: Registry, device: torch.device) -> EncoderModel:
    config = resolve(FinetuneConfig, [Layer(str(run.path), run.config)]).config
    feed = feed_of_run(registry, config.data, run.facts)
    targets = Targets.from_json(run.facts["targets"])
    module = build_predictor(registry, config.model, feed.inputs, run.facts["head"], targets.outputs)
    put_weights(module, run.weights, run.path)
    reading = RowReading(registry, feed, config.data, config.model.max_length)
    ready, task = module.to(device).eval(), run.facts["task"]
    return EncoderModel(run.path, reading, config.model, ready, device, task=task, targets=targets)
