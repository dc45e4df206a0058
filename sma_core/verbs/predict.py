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

from sma_core.config import DataConfig, FinetuneConfig
from sma_core.config.layers import Layer, resolve
from sma_core.data.batches import collate_encoded
from sma_core.data.records import RejectedRow, Row
from sma_core.data.tokenizers import DiscreteTokenizer, Encoded, select, shorten
from sma_core.errors import CheckpointError, DataError
from sma_core.files import replacing
from sma_core.nn.inputs import DiscreteInputs
from sma_core.nn.model import Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.references import resolve as resolve_reference
from sma_core.plugins.registry import Registry
from sma_core.training.device import FixedPrecision, autocast, choose_device, choose_precision
from sma_core.training.run_folder import RunFolder
from sma_core.training.targets import Labels, Targets
from sma_core.verbs.datasets import find_source
from sma_core.verbs.inputs import build_tokenizer, check_tokenizer
from sma_core.verbs.models import build_predictor, load_weights
from sma_core.verbs.results import PredictResult

VERB = "finetune"
ROWS_IN_CHUNK = 4096
CheckFunction = Callable[[list[str]], list[str | None]]


@dataclass(frozen=True)
class Model:
    """A fine-tuned run, loaded: ready to turn texts into values."""

    registry: Registry
    config: FinetuneConfig
    tokenizer: DiscreteTokenizer
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
        tokenizer = build_tokenizer(registry, config.data.tokenizer)
        check_tokenizer(tokenizer, facts["tokenizer"])
        targets = Targets.from_json(facts["targets"])
        module = build_predictor(
            registry, config.model, DiscreteInputs(tokenizer.vocabulary_size), facts["head"], len(targets.names)
        )
        load_weights(module, run)
        chosen = choose_device(device)
        precision = choose_precision("auto", chosen)
        check = _check_function(registry) if config.data.check_rows else None
        return cls(registry, config, tokenizer, targets, module.to(chosen).eval(), chosen, precision, check)

    def predict(self, texts: Sequence[str], batch_size: int = 64) -> Labels:
        """Return values in the labels' units, or probabilities: (n, T) for n usable texts.

        Texts longer than the model reads are cut, as in training.
        """
        encoded = self.tokenizer.encode(texts)
        if (encoded.lengths > self.config.model.max_length).any():
            encoded = shorten(encoded, self.config.model.max_length, self.tokenizer.separator_id)
        values = np.empty((len(texts), len(self.targets.names)))
        order = np.argsort(encoded.lengths, kind="stable")
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            values[rows] = self._predict_batch(select(encoded, rows))
        return values

    def _predict_batch(self, encoded: Encoded) -> Labels:
        batch = collate_encoded(encoded, self.tokenizer.pad_id, max_length=self.config.model.max_length).to(
            self.device
        )
        with torch.inference_mode(), autocast(self.device, self.precision):
            return self.targets.predictions(self.module(batch.inputs, batch.padding_mask))

    def reasons(self, texts: list[str]) -> list[str | None]:
        """Return for each text why it cannot be used, or None."""
        found: list[str | None] = self.check(texts) if self.check else [None for _ in texts]
        if self.config.data.truncate:
            return found
        lengths, most = self.tokenizer.encode(texts).lengths, self.config.model.max_length
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
    """Write a csv row for every row of ``data``, in its order: ``row, input, <targets>, reason``.

    Values are in the labels' units, or probabilities. A row that cannot be used has empty values and the
    reason. Memory is bounded by a chunk of rows. ``out`` empty: standard output; a file appears under its
    name only when it is complete.

    Raises:
        CheckpointError: ``model`` is no fine-tuned run, or is damaged.
        DataError: ``data`` cannot be read.
    """
    began = time.monotonic()
    loaded = Model.load(model, device, policy)
    source = find_source(loaded.registry, DataConfig(source=data, column=column, reader=reader))
    read = loaded.registry.build(source.reader)
    rows = read(source.path, source.column, (), usual=loaded.registry.domain.columns)
    count = unusable = 0
    with _table(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, chunk in enumerate(_chunks(iter(rows))):
            if number == 0:
                writer.writerow(["row", "input", *loaded.targets.names, "reason"])
            lines = _lines(loaded, chunk, batch_size)
            writer.writerows(lines)
            count += len(lines)
            unusable += sum(1 for line in lines if line[-1])
    return PredictResult(out, count, unusable, time.monotonic() - began)


def _lines(model: Model, chunk: list[Row | RejectedRow], batch_size: int) -> list[list[Any]]:
    """Turn a chunk of rows into csv lines in the same order."""
    reasons: list[str | None] = [row.reason if isinstance(row, RejectedRow) else None for row in chunk]
    usable = [index for index, reason in enumerate(reasons) if reason is None]
    for index, reason in zip(usable, model.reasons([chunk[index].text for index in usable]), strict=True):
        reasons[index] = reason
    usable = [index for index, reason in enumerate(reasons) if reason is None]
    values = model.predict([chunk[index].text for index in usable], batch_size) if usable else np.empty((0, 0))
    empty = [""] * len(model.targets.names)
    figures = dict(zip(usable, values.tolist(), strict=True))
    return [
        [row.number, row.text, *(map(_short, figures[index]) if index in figures else empty), reason or ""]
        for index, (row, reason) in enumerate(zip(chunk, reasons, strict=True))
    ]


def _short(value: float) -> str:
    return f"{value:.6g}"


def _chunks(rows: Iterator[Row | RejectedRow]) -> Iterator[list[Row | RejectedRow]]:
    while chunk := list(islice(rows, ROWS_IN_CHUNK)):
        yield chunk


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
