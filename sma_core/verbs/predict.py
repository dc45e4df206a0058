"""`predict`: a value for every row of a file, in order; rows that cannot be used keep their reason."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from numpy.typing import NDArray

from sma_core.config import FinetuneConfig
from sma_core.config.layers import Layer, resolve
from sma_core.data.batches import Batch, collate_encoded, collate_values
from sma_core.data.tokenizers import CharacterTokenizer, DiscreteTokenizer, Encoded, select, shorten
from sma_core.errors import CheckpointError, DataError
from sma_core.files import replacing
from sma_core.nn.model import Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.training.device import FixedPrecision, autocast, choose_device, choose_precision
from sma_core.training.run_folder import RunFolder
from sma_core.training.targets import Labels, Targets
from sma_core.verbs.feeds import feed_of_run
from sma_core.verbs.models import build_predictor, load_weights
from sma_core.verbs.results import PredictResult
from sma_core.verbs.rows import RowChunk, RowReading

VERB = "finetune"


@dataclass(frozen=True)
class Model:
    """A fine-tuned run, loaded: ready to turn rows into predictions."""

    reading: RowReading
    targets: Targets
    module: Predictor
    device: torch.device
    precision: FixedPrecision

    @classmethod
    def load(cls, path: Path, device: str = "auto", policy: PluginPolicy | None = None) -> Model:
        """Load the best checkpoint of a fine-tuned run; raises `CheckpointError` or `PluginError`."""
        run = RunFolder.open(path)
        facts = run.model()
        if facts["verb"] != VERB:
            raise CheckpointError(
                f"{path} is a pre-trained run without a head: teach it a task with sma finetune --model {path}"
            )
        registry = Registry.load(facts["domain"]["name"], policy)
        config = resolve(FinetuneConfig, [Layer(str(path), run.config())]).config
        feed = feed_of_run(registry, config.data, facts)
        targets = Targets.from_json(facts["targets"])
        module = build_predictor(registry, config.model, feed.inputs, facts["head"], targets.outputs)
        load_weights(module, run)
        chosen = choose_device(device)
        precision = choose_precision("auto", chosen)
        reading = RowReading(registry, feed, config.data, config.model.max_length)
        return cls(reading, targets, module.to(chosen).eval(), chosen, precision)

    def predict(self, texts: Sequence[str], batch_size: int = 64) -> Labels:
        """Return values in the labels' units or probabilities (n, outputs) for n usable texts.

        Where every position has a label: indices of classes (n, longest), NaN where no character begins.
        Texts longer than the model reads are cut, as in training.
        """
        tokenizer, longest = self._tokenizer, self.reading.max_length
        whole = tokenizer.encode(texts)
        encoded = shorten(whole, longest, tokenizer.separator_id)
        each = self.targets.per_position
        width = int(encoded.lengths.max(initial=0)) if each else self.targets.outputs
        values = np.full((len(texts), width), np.nan)
        order = np.argsort(encoded.lengths, kind="stable")
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = collate_encoded(select(encoded, rows), tokenizer.pad_id, max_length=longest)
            found = self._outputs(batch)[:, :width]
            values[rows, : found.shape[1]] = found
        if each:
            values[~self._characters(texts, whole, width)] = np.nan
        return values

    def predict_values(self, values: NDArray[np.float32], batch_size: int = 64) -> Labels:
        """Return values in the labels' units or probabilities (n, outputs) for rows of numbers (n, F)."""
        scale = self.reading.feed.scale
        assert scale is not None, "this model reads text"
        starts = range(0, len(values), batch_size)
        parts = [self._outputs(collate_values(values[start : start + batch_size], scale)) for start in starts]
        return np.concatenate(parts) if parts else np.empty((0, self.targets.outputs))

    @property
    def _tokenizer(self) -> DiscreteTokenizer:
        assert self.reading.feed.tokenizer is not None, "this model reads numbers"
        return self.reading.feed.tokenizer

    def _characters(self, texts: Sequence[str], encoded: Encoded, width: int) -> NDArray[np.bool_]:
        """Tell at which of the first ``width`` ids of each text a character begins (n, width)."""
        tokenizer = self._tokenizer
        assert isinstance(tokenizer, CharacterTokenizer), "training refuses others"
        starts = Encoded(tokenizer.character_starts(texts).astype(np.int16), encoded.offsets)
        starts = shorten(starts, self.reading.max_length, 0)
        found = np.zeros((len(texts), width), dtype=np.bool_)
        found[np.arange(width) < starts.lengths[:, None]] = starts.values != 0
        return found

    def _outputs(self, batch: Batch) -> Labels:
        moved = batch.to(self.device)
        with torch.inference_mode(), autocast(self.device, self.precision):
            return self.targets.predictions(self.module(moved.inputs, moved.padding_mask))


def predict(
    model: Path,
    data: str | Path,
    *,
    out: Path | None = None,
    column: str | None = None,
    reader: str | None = None,
    batch_size: int = 64,
    device: str = "auto",
    policy: PluginPolicy | None = None,
) -> PredictResult:
    """Write a csv row for every row of ``data``, in its order: ``row, input, <predictions>, reason``.

    Predictions are in the labels' units, or probabilities, or the class with probabilities, or a text with the
    symbol of every character that the model reads. Rows of numbers have no column ``input``. A row that cannot
    be used has empty values and the reason. Memory is bounded by a chunk of rows. ``out`` empty: standard
    output; a file appears under its name only when it is complete.

    Raises:
        CheckpointError: ``model`` is no fine-tuned run, or is damaged.
        DataError: ``data`` cannot be read.
    """
    began = time.monotonic()
    loaded = Model.load(model, device, policy)
    has_text = loaded.reading.feed.scale is None
    count = unusable = 0
    with _table(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        for chunk in loaded.reading.chunks(loaded.reading.source(data, column, reader)):
            if not count:
                own = ["row", "input"] if has_text else ["row"]
                writer.writerow([*own, *loaded.targets.columns, "reason"])
            writer.writerows(_lines(loaded, chunk, batch_size))
            count += len(chunk.numbers)
            unusable += len(chunk.numbers) - len(chunk.usable)
    return PredictResult(out, count, unusable, time.monotonic() - began)


def _lines(model: Model, chunk: RowChunk, batch_size: int) -> Iterator[list[Any]]:
    """Yield the csv line of every row of a chunk, in its order."""
    values = (
        model.predict(chunk.usable_texts, batch_size)
        if chunk.values is None
        else model.predict_values(chunk.values, batch_size)
    )
    cells = dict(zip(chunk.usable.tolist(), map(model.targets.cells, values), strict=True))
    empty = [""] * len(model.targets.columns)
    for at, (number, text, reason) in enumerate(zip(chunk.numbers, chunk.texts, chunk.reasons, strict=True)):
        own = [number, text] if chunk.values is None else [number]
        yield [*own, *cells.get(at, empty), reason or ""]


@contextmanager
def _standard_output() -> Iterator[TextIO]:
    yield sys.stdout


@contextmanager
def _file(out: Path) -> Iterator[TextIO]:
    try:
        with replacing(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror or error}") from error


def _table(out: Path | None) -> AbstractContextManager[TextIO]:
    """Open where the table goes; a file appears under its name when it is complete."""
    return _standard_output() if out is None else _file(out)
