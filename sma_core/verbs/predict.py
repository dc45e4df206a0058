"""`predict`: a value for every row of a file, in order; rows that cannot be used keep their reason."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from numpy.typing import NDArray

from sma_core.config import DataConfig, FinetuneConfig
from sma_core.config.layers import Layer, resolve
from sma_core.data.batches import Batch, collate_encoded, collate_values
from sma_core.data.blocks import Block
from sma_core.data.records import EMPTY, RejectedRow, Row
from sma_core.data.scaling import without_sentinels
from sma_core.data.tokenizers import CharacterTokenizer, DiscreteTokenizer, Encoded, select, shorten
from sma_core.errors import CheckpointError, DataError
from sma_core.files import replacing
from sma_core.nn.model import Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.references import resolve as resolve_reference
from sma_core.plugins.registry import Registry
from sma_core.training.device import FixedPrecision, autocast, choose_device, choose_precision
from sma_core.training.run_folder import RunFolder
from sma_core.training.targets import Labels, Targets
from sma_core.verbs.datasets import Source, find_source
from sma_core.verbs.feeds import Feed, feed_of_run
from sma_core.verbs.models import build_predictor, load_weights
from sma_core.verbs.results import PredictResult

VERB = "finetune"
ROWS_IN_CHUNK = 4096
CheckFunction = Callable[[list[str]], list[str | None]]


@dataclass(frozen=True)
class Model:
    """A fine-tuned run, loaded: ready to turn rows into predictions."""

    registry: Registry
    config: FinetuneConfig
    feed: Feed
    targets: Targets
    module: Predictor
    device: torch.device
    precision: FixedPrecision
    check: CheckFunction | None

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
        check = _check_function(registry) if config.data.check_rows else None
        return cls(registry, config, feed, targets, module.to(chosen).eval(), chosen, precision, check)

    def predict(self, texts: Sequence[str], batch_size: int = 64) -> Labels:
        """Return values in the labels' units or probabilities (n, outputs) for n usable texts.

        Where every position has a label: indices of classes (n, longest), NaN where no character begins.
        Texts longer than the model reads are cut, as in training.
        """
        tokenizer, longest = self._tokenizer, self.config.model.max_length
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
        assert self.feed.scale is not None, "this model reads text"
        starts = range(0, len(values), batch_size)
        parts = [
            self._outputs(collate_values(values[start : start + batch_size], self.feed.scale)) for start in starts
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.targets.outputs))

    @property
    def _tokenizer(self) -> DiscreteTokenizer:
        assert self.feed.tokenizer is not None, "this model reads numbers"
        return self.feed.tokenizer

    def _characters(self, texts: Sequence[str], encoded: Encoded, width: int) -> NDArray[np.bool_]:
        """Tell at which of the first ``width`` ids of each text a character begins (n, width)."""
        tokenizer = self._tokenizer
        assert isinstance(tokenizer, CharacterTokenizer), "training refuses others"
        starts = Encoded(tokenizer.character_starts(texts).astype(np.int16), encoded.offsets)
        starts = shorten(starts, self.config.model.max_length, 0)
        found = np.zeros((len(texts), width), dtype=np.bool_)
        found[np.arange(width) < starts.lengths[:, None]] = starts.values != 0
        return found

    def _outputs(self, batch: Batch) -> Labels:
        moved = batch.to(self.device)
        with torch.inference_mode(), autocast(self.device, self.precision):
            return self.targets.predictions(self.module(moved.inputs, moved.padding_mask))

    def reasons(self, texts: list[str]) -> list[str | None]:
        """Return for each text why it cannot be used, or None."""
        found: list[str | None] = self.check(texts) if self.check else [None for _ in texts]
        if self.config.data.truncate:
            return found
        lengths, most = self._tokenizer.encode(texts).lengths, self.config.model.max_length
        return [
            reason or (f"too long: {length} > {most}" if length > most else None)
            for reason, length in zip(found, lengths.tolist(), strict=True)
        ]


def _check_function(registry: Registry) -> CheckFunction | None:
    if registry.domain.check is None:
        return None
    function: CheckFunction = resolve_reference(registry.domain.check, f"the domain {registry.name!r}")
    return function


def predict(
    model: Path,
    data: str,
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
    scale = loaded.feed.scale
    config = DataConfig(source=data, column=column, columns=scale.columns if scale else None, reader=reader)
    source = find_source(loaded.registry, config)
    chunks = _text_lines(loaded, source, batch_size) if scale is None else _value_lines(loaded, source, batch_size)
    count = unusable = 0
    with _table(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, lines in enumerate(chunks):
            if number == 0:
                own = ["row"] if scale else ["row", "input"]
                writer.writerow([*own, *loaded.targets.columns, "reason"])
            writer.writerows(lines)
            count += len(lines)
            unusable += sum(1 for line in lines if line[-1])
    return PredictResult(out, count, unusable, time.monotonic() - began)


def _text_lines(model: Model, source: Source, batch_size: int) -> Iterator[list[list[Any]]]:
    """Turn rows of text into csv lines in the same order, chunk by chunk."""
    read = model.registry.build(source.reader)
    rows = iter(read(source.path, source.column, (), usual=model.registry.domain.columns))
    while chunk := list(islice(rows, ROWS_IN_CHUNK)):
        yield _lines(model, chunk, batch_size)


def _lines(model: Model, chunk: list[Row | RejectedRow], batch_size: int) -> list[list[Any]]:
    reasons: list[str | None] = [row.reason if isinstance(row, RejectedRow) else None for row in chunk]
    usable = [index for index, reason in enumerate(reasons) if reason is None]
    for index, reason in zip(usable, model.reasons([chunk[index].text for index in usable]), strict=True):
        reasons[index] = reason
    usable = [index for index, reason in enumerate(reasons) if reason is None]
    values = model.predict([chunk[index].text for index in usable], batch_size) if usable else np.empty((0, 0))
    empty = [""] * len(model.targets.columns)
    cells = dict(zip(usable, map(model.targets.cells, values), strict=True))
    return [
        [row.number, row.text, *cells.get(index, empty), reason or ""]
        for index, (row, reason) in enumerate(zip(chunk, reasons, strict=True))
    ]


def _value_lines(model: Model, source: Source, batch_size: int) -> Iterator[list[list[Any]]]:
    """Turn rows of numbers into csv lines in the same order, block by block."""
    assert model.feed.scale is not None, "this model reads numbers"
    read = model.registry.build(source.reader)
    aside: list[RejectedRow] = []
    for record in read(source.path, source.columns, (), names=source.names):
        if isinstance(record, RejectedRow):
            aside.append(record)
            continue
        model.feed.scale.check_columns(record.names(source.columns), source.label)
        yield _block_lines(model, record, aside, batch_size)
        aside = []
    if aside:
        yield [_refused(model, row) for row in aside]


def _block_lines(model: Model, block: Block, aside: list[RejectedRow], batch_size: int) -> list[list[Any]]:
    """Give the lines of a block and of the rows set aside in it, by their numbers."""
    values = without_sentinels(block.values, model.registry.domain.sentinels)
    empty = np.isnan(values).all(axis=1)
    numbers, found = block.numbers[~empty].tolist(), model.predict_values(values[~empty], batch_size)
    lines = [[number, *model.targets.cells(row), ""] for number, row in zip(numbers, found, strict=True)]
    nothing = [RejectedRow(number, EMPTY) for number in block.numbers[empty].tolist()]
    lines += [_refused(model, row) for row in [*aside, *nothing]]
    return sorted(lines, key=lambda line: int(line[0]))


def _refused(model: Model, row: RejectedRow) -> list[Any]:
    return [row.number, *[""] * len(model.targets.columns), row.reason]


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
