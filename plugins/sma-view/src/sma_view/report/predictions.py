"""Labels and predictions of the rows of a fine-tuned run, by target.

Letters: n rows with a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.data.pairs import shown
from sma_core.models.loaded_run import LoadedRun
from sma_core.plugins.discovery import PluginPolicy
from sma_core.runs.results import EvaluateResult
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import Multiclass
from sma_core.verbs.evaluate import JudgedPart, evaluate_part
from sma_view.stored_rows import StoredRows


@dataclass(frozen=True)
class TargetPredictions:
    """Predictions of one target: row numbers (n,), inputs (empty for rows of numbers), labels and predictions.

    ``stored`` (n,) are the rows in the prepared set.
    ``labels`` (n,) and ``values`` (n,) are numbers: of a regression in its units; of two classes 0 or 1, and the
    probability of 1; of several classes empty. ``label_names`` and ``predicted_names`` are classes; of labels of
    positions, one for each position, and ``rows`` has the row of each.
    """

    name: str
    kind: str
    rows: NDArray[np.int64]
    inputs: tuple[str, ...]
    stored: NDArray[np.int64]
    labels: NDArray[np.float64]
    values: NDArray[np.float64]
    label_names: tuple[str, ...] = ()
    predicted_names: tuple[str, ...] = ()
    certainty: NDArray[np.float64] | None = None
    """(n,) the probability of each row's label, where it is known; for several classes."""

    @property
    def is_binary(self) -> bool:
        """Whether values are probabilities of a positive class."""
        return self.kind in ("binary", "multilabel")

    def worst(self, most: int) -> list[int]:
        """Return the indices of the rows with the largest errors, the largest first."""
        if self.kind == "regression" or self.is_binary:
            errors = np.abs(self.values - self.labels)
        elif self.certainty is not None:
            errors = 1.0 - self.certainty
        else:
            return []
        return [int(index) for index in np.argsort(-errors, kind="stable")[:most]]


@dataclass(frozen=True)
class JudgedRows:
    """Metrics of rows with intervals, predictions of each target, and the rows as renderers take them."""

    result: EvaluateResult
    targets: list[TargetPredictions]
    rows: StoredRows


def judge_rows(run: Path, part: JudgedPart, bootstrap: int, policy: PluginPolicy | None) -> JudgedRows:
    """Evaluate a part of a run's own rows; errors are those of `sma_core.evaluate`."""
    loaded = LoadedRun.load(run, policy=policy, precision=None)
    evaluated = evaluate_part(loaded, part, bootstrap, policy)
    store, judged = evaluated.rows.store, evaluated.judged
    texts = store.texts
    inputs = [shown(texts[row]) if texts else "" for row in judged.rows.tolist()]
    targets = predictions_of(judged, store.row_numbers[judged.rows], inputs)
    rows = StoredRows(loaded.feed, store, loaded.model.max_length, loaded.model.grid or ())
    return JudgedRows(evaluated.result, targets, rows)


def predictions_of(
    judged: LabelledPredictions, row_numbers: NDArray[np.int64], inputs: Sequence[str]
) -> list[TargetPredictions]:
    """Return the predictions of each target; ``row_numbers`` and ``inputs`` have an entry for each row."""
    if judged.targets.per_position:
        return [_positions(judged, row_numbers)]
    return [_target(judged, index, row_numbers, inputs) for index in range(len(judged.targets.names))]


def _target(
    judged: LabelledPredictions, index: int, row_numbers: NDArray[np.int64], inputs: Sequence[str]
) -> TargetPredictions:
    targets = judged.targets
    known = np.flatnonzero(~np.isnan(judged.labels[:, index]))
    labels, outputs = judged.labels[known, index], judged.predictions[known]
    texts = tuple(inputs[row] for row in known.tolist())
    names = (targets.names[index], targets.kind, row_numbers[known], texts, judged.rows[known])
    if isinstance(targets, Multiclass):
        places, none = labels.astype(np.int64), np.zeros(0)
        classes = _named(targets.classes, places), _named(targets.classes, outputs.argmax(axis=1))
        return TargetPredictions(*names, none, none, *classes, outputs[np.arange(len(places)), places])
    values = outputs[:, index]
    if targets.kind == "regression":
        return TargetPredictions(*names, labels, values)
    two = targets.values or ("0", "1")
    chosen = _named(two, labels.astype(np.int64)), _named(two, (values > 0.5).astype(np.int64))
    return TargetPredictions(*names, labels, values, *chosen)


def _positions(judged: LabelledPredictions, row_numbers: NDArray[np.int64]) -> TargetPredictions:
    """Return the classes of all labelled positions."""
    assert isinstance(judged.targets, Multiclass), "labels of positions are classes"
    known = ~np.isnan(judged.labels[:, 0])
    labels, predicted = (
        _named(judged.targets.classes, values[known, 0].astype(np.int64))
        for values in (judged.labels, judged.predictions)
    )
    rows, none, name = np.repeat(row_numbers, judged.counts)[known], np.zeros(0), judged.targets.names[0]
    stored = np.repeat(judged.rows, judged.counts)[known]
    return TargetPredictions(name, judged.targets.kind, rows, (), stored, none, none, labels, predicted)


def _named(classes: Sequence[str], indices: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(classes[index] for index in indices.tolist())
