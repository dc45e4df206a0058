"""Predict labelled rows with a fine-tuned network, and compute metrics.

Symbols: n rows, m scored items (rows, or labelled positions of all rows), T targets, C columns of predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.batches import Batch
from sma_core.data.tokenizers import gather_index
from sma_core.devices.ranks import Ranks
from sma_core.errors import DataError
from sma_core.evaluation.metric_set import Figures, MetricSet
from sma_core.nn.model import Predictor
from sma_core.training.finetuning.targets import Labels, Targets


@dataclass(frozen=True)
class LabelledPredictions:
    """Labels (m, T) and predictions (m, C) of n rows, as inputs of `MetricSet.compute`.

    ``rows`` (n,) are store indices; row i has the next ``counts[i]`` items. ``weights`` (n,) are those of rows,
    None without weights.
    """

    targets: Targets
    metrics: MetricSet
    rows: NDArray[np.int64]
    counts: NDArray[np.int64]
    labels: Labels
    predictions: Labels
    weights: Labels | None = None

    @property
    def starts(self) -> NDArray[np.int64]:
        """(n,) index of the first item of each row."""
        return np.cumsum(self.counts) - self.counts

    def take(self, indices: NDArray[np.int64]) -> Self:
        """Return the rows at ``indices`` (k,), which may repeat, with all their items."""
        items = gather_index(self.starts[indices], self.counts[indices])
        return replace(
            self,
            rows=self.rows[indices],
            counts=self.counts[indices],
            labels=self.labels[items],
            predictions=self.predictions[items],
            weights=None if self.weights is None else self.weights[indices],
        )

    def weighed(self, weights: Labels | None) -> Self:
        """Return these rows with their part of the ``weights`` of all store rows; see `part_weights`."""
        return replace(self, weights=part_weights(weights, self.rows))

    def figures(self) -> Figures:
        """Return the metrics, averaged over targets."""
        return self.metrics.mean(self.target_figures())

    def target_figures(self) -> list[Figures]:
        """Return the metrics of each target."""
        weights = None if self.weights is None else np.repeat(self.weights, self.counts)
        return self.metrics.by_target(self.labels, self.predictions, weights)


def predict_labelled(
    module: Predictor,
    targets: Targets,
    metrics: MetricSet,
    batches: Sequence[Batch],
    ranks: Ranks | None = None,
    every_position: bool = False,
) -> LabelledPredictions:
    """Predict the rows of ``batches`` with ``module``; raises `DataError` if they have no labels.

    With ``every_position``, positions without a label are items too. The caller sets evaluation mode and
    precision. ``ranks`` split the batches; every rank returns all results.
    """
    device = next(module.parameters()).device
    rows: list[NDArray[np.int64]] = []
    counts: list[NDArray[np.int64]] = []
    known_labels: list[Labels] = []
    predictions: list[Labels] = []
    if ranks is None or len(batches) < ranks.size:
        ranks = Ranks()
    for batch in batches[ranks.rank :: ranks.size]:
        if batch.labels is None:
            raise DataError("these rows have no labels")
        labels = batch.labels.double().numpy()
        device_batch = batch.to(device)
        outputs = module(device_batch.inputs, device_batch.padding_mask)
        outputs = targets.predictions(device_batch.at_labels(outputs))
        rows.append(batch.rows)
        if every_position and targets.per_position:
            real = batch.labelled.numpy()
            row_counts, scored_labels, scored_predictions = real.sum(axis=1), labels[real], outputs[real]
            scored_labels, scored_predictions = scored_labels[:, None], scored_predictions[:, None]
        else:
            row_counts = targets.scored_counts(labels)
            scored_labels, scored_predictions = targets.scored(labels, outputs)
        counts.append(row_counts)
        known_labels.append(scored_labels)
        predictions.append(scored_predictions)
    gathered = (ranks.rows(np.concatenate(arrays)) for arrays in (rows, counts, known_labels, predictions))
    return LabelledPredictions(targets, metrics, *gathered).take(_gathered_order(batches, ranks))


def part_weights(weights: Labels | None, rows: NDArray[np.int64]) -> Labels | None:
    """Return the weights of store rows, scaled so that their sum estimates that of all; None without weights."""
    return None if weights is None else weights[rows] * (len(weights) / max(len(rows), 1))


def _gathered_order(batches: Sequence[Batch], ranks: Ranks) -> NDArray[np.int64]:
    """Return, for each row of the batches, its index among rows gathered rank by rank."""
    ends = np.cumsum([len(batch.rows) for batch in batches])
    batch_rows = np.split(np.arange(ends[-1]), ends[:-1])
    gathered = [rows for rank in range(ranks.size) for rows in batch_rows[rank :: ranks.size]]
    return np.argsort(np.concatenate(gathered), kind="stable")


def figures_by_target(predictions: LabelledPredictions) -> dict[str, Figures]:
    """Return the metrics of each target by name; empty with a single target."""
    names = predictions.targets.names
    return dict(zip(names, predictions.target_figures(), strict=True)) if len(names) > 1 else {}
