"""Predictions of one fine-tuned run, or the average over several of the same task.

Letters: n rows, m usable rows of a chunk, K runs, T targets, C classes, N positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sma_core.config.training import Precision
from sma_core.data.tokenizers import CharacterTokenizer, EncodedRows, shorten
from sma_core.errors import CheckpointError
from sma_core.feeds.rows import MemoryRows, RowChunk
from sma_core.feeds.text import TextFeed
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.vectors import BATCH_TOKENS
from sma_core.plugins.discovery import PluginPolicy
from sma_core.training.targets import Labels, Multiclass, Targets


class Predictions(NamedTuple):
    """Predictions for m rows and their standard deviation over the runs.

    ``values`` (m, outputs) are in the labels' units, or probabilities; with labels of positions, class indices
    (m, N), NaN at ids where no character begins. ``spread`` (m, T) is the standard deviation over the runs
    (divisor K - 1) of the value, or of the probability of the predicted class; None for a single run.
    """

    values: Labels
    spread: Labels | None


@dataclass(frozen=True)
class Ensemble:
    """Fine-tuned runs of one task; all read rows as the first run does."""

    members: tuple[LoadedRun, ...]

    @classmethod
    def load(
        cls,
        paths: Sequence[Path],
        device: str = "auto",
        policy: PluginPolicy | None = None,
        precision: Precision = "fp32",
    ) -> Ensemble:
        """Load the best checkpoint of each run.

        Raises `CheckpointError` when one is not a fine-tuned run or the runs differ in inputs or targets;
        `PluginError` when a required plugin is not installed.
        """
        members = tuple(LoadedRun.load(path, device, policy, precision) for path in paths)
        for member in members:
            member.needed_targets()
        for other in members[1:]:
            _check_same_task(members[0], other)
        return cls(members)

    @property
    def first(self) -> LoadedRun:
        """The first run."""
        return self.members[0]

    @property
    def targets(self) -> Targets:
        """What the runs predict."""
        return self.first.needed_targets()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the output columns."""
        spread = () if len(self.members) == 1 else (f"{name}:uncertainty" for name in self.targets.names)
        return (*self.targets.columns, *spread)

    def predict(self, chunk: RowChunk, batch_tokens: int = BATCH_TOKENS) -> Predictions:
        """Predict the usable rows of a chunk; texts beyond the model's maximum length are truncated."""
        if self.targets.per_position:
            return Predictions(self._positions(chunk, batch_tokens), None)
        outputs = [_outputs(member, chunk, self.targets.outputs, batch_tokens) for member in self.members]
        if len(outputs) == 1:
            return Predictions(outputs[0], None)
        stacked = np.stack(outputs)  # (K, m, outputs)
        values: Labels = stacked.mean(axis=0)
        spread: Labels = stacked.std(axis=0, ddof=1)
        if isinstance(self.targets, Multiclass):
            spread = np.take_along_axis(spread, values.argmax(axis=1)[:, None], axis=1)
        return Predictions(values, spread)

    def predict_rows(self, rows: MemoryRows, batch_tokens: int = BATCH_TOKENS) -> Labels:
        """Predict rows in memory (n, outputs); NaN for unusable rows."""
        parts = []
        for chunk in self.first.reading.chunks_of(rows):
            values = self.predict(chunk, batch_tokens).values
            part = np.full((len(chunk), values.shape[1]), np.nan)
            part[chunk.usable] = values
            parts.append(part)
        width = max((part.shape[1] for part in parts), default=self.targets.outputs)
        return np.concatenate([np.empty((0, width)), *(_widened(part, width) for part in parts)])

    def _positions(self, chunk: RowChunk, batch_tokens: int) -> Labels:
        """Return the most probable class of every character; NaN at ids where no character begins."""
        assert isinstance(chunk.inputs, EncodedRows), "training rejects labels of positions for rows of numbers"
        width = int(chunk.inputs.lengths.max(initial=0))
        values = _outputs(self.first, chunk, width, batch_tokens)
        values[~_characters(self.first, chunk.usable_texts, width)] = np.nan
        return values


def _outputs(member: LoadedRun, chunk: RowChunk, width: int, batch_tokens: int) -> Labels:
    """Return a run's predictions for the usable rows (m, width); NaN after the last position of a row."""
    targets = member.needed_targets()
    values = np.full((len(chunk.usable), width), np.nan)
    for places, batch in member.batches(chunk, batch_tokens):
        with member.computing():
            outputs = member.module(batch.inputs, batch.padding_mask).float()
        predicted = targets.predictions(outputs)[:, :width]
        values[places, : predicted.shape[1]] = predicted
    return values


def _characters(member: LoadedRun, texts: Sequence[str], width: int) -> NDArray[np.bool_]:
    """Return whether a character begins at each of the first ``width`` ids of each text (m, width)."""
    assert isinstance(member.feed, TextFeed), "training rejects labels of positions for rows of numbers"
    tokenizer = member.feed.tokenizer
    assert isinstance(tokenizer, CharacterTokenizer), "training rejects other tokenizers"
    offsets = tokenizer.encode(texts).offsets
    starts = EncodedRows(tokenizer.character_starts(texts).astype(np.int16), offsets)
    starts = shorten(starts, member.reading.max_length, 0)
    begins = np.zeros((len(texts), width), dtype=np.bool_)
    begins[np.arange(width) < starts.lengths[:, None]] = starts.values != 0
    return begins


def _widened(part: Labels, width: int) -> Labels:
    """Pad rows with NaN to a common number of positions."""
    return np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=np.nan)


def _check_same_task(first: LoadedRun, other: LoadedRun) -> None:
    """Raise `CheckpointError` naming the first property in which two runs differ."""
    for what, ours, theirs in (
        ("domain", first.domain, other.domain),
        ("kind of labels", first.kind, other.kind),
        ("targets", first.targets, other.targets),
        ("classes", first.classes, other.classes),
        ("inputs", _inputs(first), _inputs(other)),
    ):
        if ours != theirs:
            raise CheckpointError(
                f"{first.path} and {other.path} cannot be averaged: they differ in their {what} "
                f"({_words(ours)} and {_words(theirs)}); pass runs of one task that differ only in seed"
            )
    if first.needed_targets().per_position:
        raise CheckpointError("symbols of positions cannot be averaged: pass only one run")


def _inputs(member: LoadedRun) -> tuple[object, ...]:
    """Return everything that decides which rows are usable and how the model reads them."""
    if not isinstance(member.feed, TextFeed):
        return member.feed.identity
    data = member.reading.data
    rules = (member.reading.max_length, "cut" if data.truncate else "set aside", data.check_rows, data.normalise)
    return (*member.feed.identity, *rules)


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
