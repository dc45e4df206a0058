"""Any run as an encoder: the rows of a file in chunks, ready for the network, and what to say of unusable ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sma_core.config import DataConfig, FinetuneConfig, MaskingConfig, ModelConfig, PretrainConfig
from sma_core.config.layers import Layer, resolve
from sma_core.data.batches import Batch, collate_encoded, collate_values
from sma_core.data.records import EMPTY, RejectedRow, Row
from sma_core.data.scaling import without_sentinels
from sma_core.data.tokenizers import Encoded, select, shorten
from sma_core.nn.model import SMA, Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.references import resolve as resolve_reference
from sma_core.plugins.registry import Registry
from sma_core.training.device import choose_device
from sma_core.training.run_folder import RunFolder
from sma_core.training.targets import Targets
from sma_core.verbs.datasets import Source, find_source
from sma_core.verbs.feeds import Feed, feed_of_run
from sma_core.verbs.models import build_predictor, load_weights, present

ROWS_IN_CHUNK = 4096


@dataclass(frozen=True)
class RowChunk:
    """Some rows of a file, in its order: n rows, of which some cannot be used and say why.

    ``usable`` (m,) are the indices of the others; ``ids`` or ``values`` (m, F) hold what the network reads of
    them.
    """

    numbers: list[int]
    texts: list[str]
    reasons: list[str | None]
    usable: NDArray[np.int64]
    ids: Encoded | None = None
    values: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class EncoderModel:
    """A run of `train` or `finetune`, loaded for reading rows."""

    registry: Registry
    feed: Feed
    data: DataConfig
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
        return cls(registry, feed, data, model, masking, module.to(chosen).eval(), chosen)

    def source(self, data: str, column: str | None = None, reader: str | None = None) -> Source:
        """Find the rows that the user named, with the features that the model reads."""
        scale = self.feed.scale
        config = DataConfig(source=data, column=column, columns=scale.columns if scale else None, reader=reader)
        return find_source(self.registry, config)

    def chunks(self, source: Source) -> Iterator[RowChunk]:
        """Stream the rows of ``source``, every one in its place, in bounded memory."""
        return self._text_chunks(source) if self.feed.scale is None else self._value_chunks(source)

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
            return collate_encoded(select(chunk.ids, rows), self.feed.pad_id, max_length=self.model.max_length)
        assert chunk.values is not None, "a chunk has ids or values"
        assert self.feed.scale is not None, "values are read by a model with a scale"
        return collate_values(chunk.values[rows], self.feed.scale)

    def _text_chunks(self, source: Source) -> Iterator[RowChunk]:
        read = self.registry.build(source.reader)
        rows = iter(read(source.path, source.column, (), usual=self.registry.domain.columns))
        while taken := list(islice(rows, ROWS_IN_CHUNK)):
            yield self._text_chunk(taken)

    def _text_chunk(self, rows: list[Row | RejectedRow]) -> RowChunk:
        tokenizer, longest = self.feed.tokenizer, self.model.max_length
        assert tokenizer is not None, "text is read by a model with a tokenizer"
        reasons: list[str | None] = [row.reason if isinstance(row, RejectedRow) else None for row in rows]
        good = [index for index, reason in enumerate(reasons) if reason is None]
        for index, reason in zip(good, self._reasons([rows[index].text for index in good]), strict=True):
            reasons[index] = reason
        usable = np.array([index for index, reason in enumerate(reasons) if reason is None], dtype=np.int64)
        ids = tokenizer.encode([rows[index].text for index in usable.tolist()])
        shorter = shorten(ids, longest, tokenizer.separator_id)
        return RowChunk([row.number for row in rows], [row.text for row in rows], reasons, usable, shorter)

    def _reasons(self, texts: list[str]) -> list[str | None]:
        """Return for each text why the domain cannot use it, or None."""
        if self.registry.domain.check is None or not self.data.check_rows or not texts:
            return [None] * len(texts)
        check: Any = resolve_reference(self.registry.domain.check, f"the domain {self.registry.name!r}")
        found: list[str | None] = check(texts)
        return found

    def _value_chunks(self, source: Source) -> Iterator[RowChunk]:
        assert self.feed.scale is not None, "numbers are read by a model with a scale"
        read = self.registry.build(source.reader)
        aside: list[RejectedRow] = []
        for record in read(source.path, source.columns, (), names=source.names):
            if isinstance(record, RejectedRow):
                aside.append(record)
                continue
            self.feed.scale.check_columns(record.names(source.columns), source.label)
            values = without_sentinels(record.values, self.registry.domain.sentinels)
            yield _value_chunk(record.numbers, values, aside)
            aside = []
        if aside:
            width = len(self.feed.scale.columns)
            yield _value_chunk(np.zeros(0, dtype=np.int64), np.zeros((0, width), dtype=np.float32), aside)


def _value_chunk(numbers: NDArray[np.int64], values: NDArray[np.float32], aside: list[RejectedRow]) -> RowChunk:
    """Put a block's rows and those set aside in it into one order; rows without a number are unusable too."""
    empty = np.isnan(values).all(axis=1) if values.size else np.zeros(len(values), dtype=np.bool_)
    reasons = {row.number: row.reason for row in aside} | {int(number): EMPTY for number in numbers[empty]}
    together = sorted([*numbers.tolist(), *(row.number for row in aside)])
    kept = {int(number) for number in numbers[~empty]}
    usable = np.array([at for at, number in enumerate(together) if number in kept], dtype=np.int64)
    listed = [reasons.get(number) for number in together]
    return RowChunk(together, [""] * len(together), listed, usable, None, values[~empty])
