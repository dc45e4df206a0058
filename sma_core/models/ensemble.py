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
from sma_core.data import plugin_code
from sma_core.data.tokenizers import SpanTokenizer, shorten
from sma_core.errors import CheckpointError, UserError
from sma_core.feeds.rows import MemoryRows, RowChunk
from sma_core.feeds.text import TextFeed
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.vectors import BATCH_TOKENS
from sma_core.plugins.discovery import PluginPolicy
from sma_core.runs.member_runs import members_of
from sma_core.training.finetuning.targets import Labels, Multiclass, PerPosition, Targets


class Predictions(NamedTuple):
    """Predictions for m rows and their standard deviation over the runs.

    ``values`` (m, outputs) are in the labels' units, or probabilities; with labels of positions, class indices
    (m, N), NaN at ids where no character begins, or for each character (m, characters) if an id may stand for
    several. ``spread`` (m, T) is the standard deviation over the runs
    (divisor K - 1) of the value, or of the probability of the predicted class; None for a single run.
    ``characters`` has for labels of positions the probabilities of each row's characters (characters, C).
    """

    values: Labels
    spread: Labels | None = None
    characters: list[Labels] | None = None


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
        """Load the best checkpoint of each run; a folder of several runs stands for all of them.

        Raises `CheckpointError` when one is not a fine-tuned run or the runs differ in inputs or targets;
        `PluginError` when a required plugin is not installed.
        """
        runs = [run for path in paths for run in members_of(path)]
        members = tuple(LoadedRun.load(run, device, policy, precision) for run in runs)
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
        """Predict the usable rows of a chunk; predictions of a row's windows are averaged, or joined."""
        if self.targets.per_position:
            return self._positions(chunk, batch_tokens)
        outputs = [_outputs(member, chunk, self.targets.outputs, batch_tokens) for member in self.members]
        if len(outputs) == 1:
            return Predictions(outputs[0])
        stacked = np.stack(outputs)  # (K, m, outputs)
        values: Labels = stacked.mean(axis=0)
        spread: Labels = stacked.std(axis=0, ddof=1)
        if isinstance(self.targets, Multiclass):
            spread = np.take_along_axis(spread, values.argmax(axis=1)[:, None], axis=1)
        return Predictions(values, spread)

    def most_probable(self, chunk: RowChunk, batch_tokens: int = BATCH_TOKENS) -> Labels:
        """Return the most probable class of every position of all usable rows (T, 1)."""
        rows = _position_outputs(self.first, chunk, batch_tokens)
        return np.concatenate([row.argmax(axis=1) for row in rows]).astype(np.float64)[:, None]

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

    def predict_characters(self, rows: MemoryRows, batch_tokens: int = BATCH_TOKENS) -> list[Labels]:
        """Return the probabilities of each row's characters (characters, C), none for unusable rows.

        Raises `UserError` unless labels belong to positions.
        """
        if not self.targets.per_position:
            raise UserError(f"{self.first.path} predicts rows, not characters: use predict")
        characters: list[Labels] = []
        for chunk in self.first.reading.chunks_of(rows):
            of_usable = dict(
                zip(chunk.usable.tolist(), self._positions(chunk, batch_tokens).characters or (), strict=True)
            )
            characters += [
                of_usable.get(index, np.empty((0, self.targets.outputs))) for index in range(len(chunk))
            ]
        return characters

    def _positions(self, chunk: RowChunk, batch_tokens: int) -> Predictions:
        """Return the most probable class of every character, and all probabilities."""
        rows = _position_outputs(self.first, chunk, batch_tokens)  # (N, C) each
        counts, by_character = _character_counts(self.first, chunk)
        characters = [np.repeat(row, of_ids, axis=0) for row, of_ids in zip(rows, counts, strict=True)]
        values = np.full((len(rows), max(map(len, characters if by_character else rows), default=0)), np.nan)
        for row, of_ids, probabilities in zip(values, counts, characters, strict=True):
            places = np.arange(len(probabilities)) if by_character else np.flatnonzero(of_ids)
            row[places] = probabilities.argmax(axis=1)
        return Predictions(values, characters=characters)


def _outputs(member: LoadedRun, chunk: RowChunk, width: int, batch_tokens: int) -> Labels:
    """Return a run's predictions for the usable rows (m, width), the mean over the windows of each."""
    targets = member.needed_targets()
    count = len(chunk.usable) if chunk.windows is None else len(chunk.windows.rows)
    values = np.empty((count, width))
    for places, batch in member.batches(chunk, batch_tokens):
        with member.computing():
            outputs = member.module(batch.inputs, batch.padding_mask).float()
        values[places] = targets.predictions(outputs)
    return values if chunk.windows is None else chunk.windows.mean(values)


def _position_outputs(member: LoadedRun, chunk: RowChunk, batch_tokens: int) -> list[Labels]:
    """Return the probabilities of the classes at each id of the usable rows (N, C)."""
    targets = member.needed_targets()
    assert isinstance(targets, PerPosition), "these are labels of positions"
    parts: dict[int, Labels] = {}
    for places, batch in member.batches(chunk, batch_tokens):
        with member.computing():
            outputs = member.module(batch.inputs, batch.padding_mask).float()
        lengths = batch.padding_mask.sum(dim=1).tolist()
        probabilities = targets.probabilities(outputs)  # (B, N, C)
        parts |= {
            place: row[:length] for place, row, length in zip(places.tolist(), probabilities, lengths, strict=True)
        }
    in_order = [parts[place] for place in range(len(parts))]
    return in_order if chunk.windows is None else chunk.windows.joined(in_order)


def _character_counts(member: LoadedRun, chunk: RowChunk) -> tuple[list[NDArray[np.integer]], bool]:
    """Return for each usable row the number of characters of each id that the model reads (N,).

    The second value says whether an id may stand for several.
    """
    assert isinstance(member.feed, TextFeed), "training rejects labels of positions for rows of numbers"
    tokenizer, texts = member.feed.tokenizer, chunk.usable_texts
    numbers = [chunk.numbers[index] for index in chunk.usable.tolist()]
    offsets = plugin_code.encode(tokenizer, texts, numbers).offsets
    counts = plugin_code.character_counts(tokenizer, texts, numbers, offsets)
    counts = counts if chunk.windows is not None else shorten(counts, member.reading.max_length, 0)
    return [counts[row] for row in range(len(counts))], isinstance(tokenizer, SpanTokenizer)


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
    long_rows = "cut" if data.truncate else "set aside"
    rules = (member.reading.max_length, long_rows, data.check_rows, data.normalise, data.strip)
    return (*member.feed.identity, *rules)


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
