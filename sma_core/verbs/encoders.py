"""Any run as an encoder: its network, how it reads rows, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sma_core.config import FinetuneConfig, MaskingConfig, ModelConfig, PretrainConfig
from sma_core.config.layers import Layer, resolve
from sma_core.data.batches import MULTIPLE, Batch, collate_encoded, collate_values
from sma_core.data.tokenizers import select
from sma_core.nn.model import SMA, Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.training.device import choose_device
from sma_core.training.run_folder import RunFolder
from sma_core.training.targets import Targets
from sma_core.verbs.feeds import feed_of_run
from sma_core.verbs.models import build_predictor, load_weights, present
from sma_core.verbs.rows import RowChunk, RowReading

BATCH_TOKENS = 8192
"""Padded inputs in one forward pass, unless the user says otherwise."""


@dataclass(frozen=True)
class EncoderModel:
    """A run of `train` or `finetune`, loaded for reading rows.

    ``masking`` is that of a pre-trained run; ``task`` and ``targets`` are those of a fine-tuned one.
    """

    path: Path
    reading: RowReading
    model: ModelConfig
    module: SMA | Predictor
    device: torch.device
    masking: MaskingConfig | None = None
    task: str | None = None
    targets: Targets | None = None

    @classmethod
    def load(cls, path: Path, device: str = "auto", policy: PluginPolicy | None = None) -> EncoderModel:
        """Load the newest checkpoint of a pre-trained run, or the best of a fine-tuned one."""
        run = RunFolder.open(path)
        registry = Registry.load(run.model()["domain"]["name"], policy)
        chosen = choose_device(device)
        build = _pretrained if run.model()["verb"] == "train" else _finetuned
        return build(run, registry, chosen)

    @property
    def domain(self) -> str:
        """Name of the domain whose rows it reads."""
        return self.reading.registry.name

    def batches(self, chunk: RowChunk, tokens: int) -> Iterator[tuple[NDArray[np.int64], Batch]]:
        """Yield batches of at most ``tokens`` padded inputs (one row at least), with their rows' places.

        A place is an index into the chunk's usable rows (m,). Rows of like length share a batch.
        """
        lengths = self._padded_lengths(chunk)
        order = np.argsort(lengths, kind="stable")
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and int(lengths[order[end]]) * (end + 1 - begin) <= tokens:
                end += 1
            places = order[begin:end]
            yield places, self._batch(chunk, places).to(self.device)
            begin = end

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


def _pretrained(run: RunFolder, registry: Registry, device: torch.device) -> EncoderModel:
    config = resolve(PretrainConfig, [Layer(str(run.path), run.config())]).config
    feed = feed_of_run(registry, config.data, run.model())
    module = SMA(config.model, feed.inputs)
    module.load_state_dict(present(run.checkpoints.latest(), run).model())
    reading = RowReading(registry, feed, config.data, config.model.max_length)
    return EncoderModel(run.path, reading, config.model, module.to(device).eval(), device, config.masking)


def _finetuned(run: RunFolder, registry: Registry, device: torch.device) -> EncoderModel:
    facts = run.model()
    config = resolve(FinetuneConfig, [Layer(str(run.path), run.config())]).config
    feed = feed_of_run(registry, config.data, facts)
    targets = Targets.from_json(facts["targets"])
    module = build_predictor(registry, config.model, feed.inputs, facts["head"], targets.outputs)
    load_weights(module, run)
    reading = RowReading(registry, feed, config.data, config.model.max_length)
    ready = module.to(device).eval()
    return EncoderModel(run.path, reading, config.model, ready, device, task=facts["task"], targets=targets)
