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
from sma_core.data.batches import Batch, collate_encoded, collate_values
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


@dataclass(frozen=True)
class EncoderModel:
    """A run of `train` or `finetune`, loaded for reading rows."""

    reading: RowReading
    model: ModelConfig
    masking: MaskingConfig | None
    module: SMA | Predictor
    device: torch.device

    @classmethod
    def load(cls, path: Path, device: str = "auto", policy: PluginPolicy | None = None) -> EncoderModel:
        """Load the newest checkpoint of a pre-trained run, or the best of a fine-tuned one."""
        run = RunFolder.open(path)
        facts = run.model()
        registry = Registry.load(facts["domain"]["name"], policy)
        layers = [Layer(str(path), run.config())]
        module: SMA | Predictor
        if facts["verb"] == "train":
            config = resolve(PretrainConfig, layers).config
            feed = feed_of_run(registry, config.data, facts)
            module = SMA(config.model, feed.inputs)
            module.load_state_dict(present(run.checkpoints.latest(), run).model())
            masking: MaskingConfig | None = config.masking
            data, model = config.data, config.model
        else:
            tuned = resolve(FinetuneConfig, layers).config
            feed = feed_of_run(registry, tuned.data, facts)
            outputs = Targets.from_json(facts["targets"]).outputs
            module = build_predictor(registry, tuned.model, feed.inputs, facts["head"], outputs)
            load_weights(module, run)
            masking, data, model = None, tuned.data, tuned.model
        chosen = choose_device(device)
        reading = RowReading(registry, feed, data, model.max_length)
        return cls(reading, model, masking, module.to(chosen).eval(), chosen)

    def batches(self, chunk: RowChunk, tokens: int) -> Iterator[tuple[NDArray[np.int64], Batch]]:
        """Yield batches of at most ``tokens`` padded inputs (one row at least), with their places in the chunk."""
        lengths = self._lengths(chunk)
        order = np.argsort(lengths, kind="stable")
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and int(lengths[order[end]]) * (end + 1 - begin) <= tokens:
                end += 1
            rows = order[begin:end]
            yield chunk.usable[rows], self._batch(chunk, rows).to(self.device)
            begin = end

    def _lengths(self, chunk: RowChunk) -> NDArray[np.int64]:
        if chunk.ids is not None:
            return chunk.ids.lengths
        assert chunk.values is not None, "a chunk has ids or values"
        return np.full(len(chunk.values), chunk.values.shape[1], dtype=np.int64)

    def _batch(self, chunk: RowChunk, rows: NDArray[np.int64]) -> Batch:
        if chunk.ids is not None:
            ids = select(chunk.ids, rows)
            return collate_encoded(ids, self.reading.feed.pad_id, max_length=self.model.max_length)
        assert chunk.values is not None, "a chunk has ids or values"
        scale = self.reading.feed.scale
        assert scale is not None, "values are read by a model with a scale"
        return collate_values(chunk.values[rows], scale)
