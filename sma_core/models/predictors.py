"""Fine-tuned runs as predictors: one, or several of the same task whose predictions are averaged.

Letters: m usable rows, K models, T targets, C classes, N positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sma_core.config.models import Precision
from sma_core.data.tokenizers import CharacterTokenizer, Encoded, shorten
from sma_core.errors import CheckpointError
from sma_core.models.encoders import BATCH_TOKENS, EncoderModel
from sma_core.plugins.discovery import PluginPolicy
from sma_core.runs.run_folder import RunFolder
from sma_core.sources.row_reading import RowChunk
from sma_core.training.targets import Labels, Multiclass, Targets


class Predictions(NamedTuple):
    """What is predicted for m rows, and how far the models are apart.

    ``values`` (m, outputs) in the labels' units, or probabilities; where every position has a label, indices of
    classes (m, N), NaN where no character begins. ``spread`` (m, T) is the standard deviation over the models
    (with K - 1) of the value, or of the probability of the class that is chosen; None with one model.
    """

    values: Labels
    spread: Labels | None


@dataclass(frozen=True)
class PredictorModel:
    """Fine-tuned runs, loaded: ready to turn rows into predictions.

    In fp32 a row's prediction does not depend on the batch beyond rounding.
    """

    members: tuple[EncoderModel, ...]
    targets: Targets

    @classmethod
    def load(
        cls,
        paths: Sequence[Path],
        device: str = "auto",
        policy: PluginPolicy | None = None,
        precision: Precision = "fp32",
    ) -> PredictorModel:
        """Load the best checkpoint of each run.

        Raises `CheckpointError` when one is no fine-tuned run, or they were not taught the same; `PluginError`
        when a part of theirs is not installed.
        """
        for path in paths:
            if RunFolder.open(path).model()["verb"] != "finetune":
                raise CheckpointError(
                    f"{path} is a pre-trained run without a head: teach it a task with sma finetune --model {path}"
                )
        members = tuple(EncoderModel.load(path, device, policy, precision) for path in paths)
        first = members[0]
        for other in members[1:]:
            _refuse_other(first, other)
        return cls(members, _targets(first))

    @property
    def first(self) -> EncoderModel:
        """The first run, whose way of reading rows is that of all."""
        return self.members[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that predictions are written to."""
        spread = () if len(self.members) == 1 else (f"{name}:uncertainty" for name in self.targets.names)
        return (*self.targets.columns, *spread)

    def predict(self, chunk: RowChunk, batch_tokens: int = BATCH_TOKENS) -> Predictions:
        """Predict the usable rows of a chunk; texts longer than the model reads are cut, as in training."""
        if self.targets.per_position:
            return Predictions(self._positions(chunk, batch_tokens), None)
        every = [_outputs(member, chunk, self.targets.outputs, batch_tokens) for member in self.members]
        if len(every) == 1:
            return Predictions(every[0], None)
        stacked = np.stack(every)  # (K, m, outputs)
        values: Labels = stacked.mean(axis=0)
        spread: Labels = stacked.std(axis=0, ddof=1)
        if isinstance(self.targets, Multiclass):
            spread = np.take_along_axis(spread, values.argmax(axis=1)[:, None], axis=1)
        return Predictions(values, spread)

    def _positions(self, chunk: RowChunk, batch_tokens: int) -> Labels:
        """Give the most probable class of every character; NaN at ids where none begins."""
        assert chunk.ids is not None, "training refuses labels of positions for numbers"
        width = int(chunk.ids.lengths.max(initial=0))
        values = _outputs(self.first, chunk, width, batch_tokens)
        values[~_characters(self.first, chunk.usable_texts, width)] = np.nan
        return values


def _targets(member: EncoderModel) -> Targets:
    assert member.targets is not None, "a fine-tuned run has targets"
    return member.targets


def _outputs(member: EncoderModel, chunk: RowChunk, width: int, batch_tokens: int) -> Labels:
    """Give a model's predictions for the usable rows (m, width); NaN behind the last position of a row."""
    values = np.full((len(chunk.usable), width), np.nan)
    for places, batch in member.batches(chunk, batch_tokens):
        with member.computing():
            outputs = member.module(batch.inputs, batch.padding_mask).float()
        found = _targets(member).predictions(outputs)[:, :width]
        values[places, : found.shape[1]] = found
    return values


def _characters(member: EncoderModel, texts: Sequence[str], width: int) -> NDArray[np.bool_]:
    """Tell at which of the first ``width`` ids of each text a character begins (m, width)."""
    tokenizer = member.reading.feed.tokenizer
    assert isinstance(tokenizer, CharacterTokenizer), "training refuses others"
    offsets = tokenizer.encode(texts).offsets
    starts = Encoded(tokenizer.character_starts(texts).astype(np.int16), offsets)
    starts = shorten(starts, member.reading.max_length, 0)
    found = np.zeros((len(texts), width), dtype=np.bool_)
    found[np.arange(width) < starts.lengths[:, None]] = starts.values != 0
    return found


def _refuse_other(first: EncoderModel, other: EncoderModel) -> None:
    """Raise `CheckpointError` naming the first thing in which two runs differ that must be the same."""
    for what, here, there in (
        ("domain", first.domain, other.domain),
        *(
            (what, getattr(_targets(first), key, None), getattr(_targets(other), key, None))
            for what, key in (("kind of labels", "kind"), ("targets", "names"), ("classes", "classes"))
        ),
        ("inputs", _inputs(first), _inputs(other)),
    ):
        if here != there:
            raise CheckpointError(
                f"{first.path} and {other.path} cannot be averaged: they differ in their {what} "
                f"({_words(here)} and {_words(there)}); give runs of one task that differ in their seeds"
            )
    if _targets(first).per_position:
        raise CheckpointError("symbols of positions cannot be averaged: give one --model")


def _inputs(member: EncoderModel) -> tuple[object, ...]:
    """What decides which rows can be used and what a model reads of them."""
    reading = member.reading
    if reading.feed.scale is not None:
        return reading.feed.scale.columns
    rules = (reading.max_length, "cut" if reading.data.truncate else "set aside", reading.data.check_rows)
    return (*reading.feed.facts()["tokenizer"].values(), *rules)


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
