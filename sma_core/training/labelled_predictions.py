"""What a fine-tuned network says of labelled rows, beside what their labels say.

Letters: n rows, m things that are judged (rows, or the positions of all rows that have a label), T targets,
C columns of predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.batches import Batch
from sma_core.data.tokenizers import gather_index
from sma_core.devices.ranks import Ranks
from sma_core.errors import DataError
from sma_core.evaluation.metrics import Figures, compute_metrics, target_metrics
from sma_core.nn.model import Predictor
from sma_core.training.targets import Labels, Targets


@dataclass(frozen=True)
class LabelledPredictions:
    """Labels (m, T) and predictions (m, C) of n rows, in the forms that `compute_metrics` takes.

    ``rows`` (n,) are their indices in the store; row i has the next ``counts[i]`` things.
    """

    targets: Targets
    rows: NDArray[np.int64]
    counts: NDArray[np.int64]
    labels: Labels
    predictions: Labels

    @property
    def starts(self) -> NDArray[np.int64]:
        """(n,) where the things of each row begin."""
        return np.cumsum(self.counts) - self.counts

    def take(self, which: NDArray[np.int64]) -> Self:
        """Return the rows at the places ``which`` (k,), each with all its things; a place may come twice."""
        at = gather_index(self.starts[which], self.counts[which])
        return type(self)(
            self.targets, self.rows[which], self.counts[which], self.labels[at], self.predictions[at]
        )

    def figures(self) -> Figures:
        """Return the figures of merit, each the mean over the targets."""
        return compute_metrics(self.targets.kind, self.labels, self.predictions)

    def target_figures(self) -> list[Figures]:
        """Return the figures of merit of each target."""
        return target_metrics(self.targets.kind, self.labels, self.predictions)


def predict_labelled(
    module: Predictor, targets: Targets, batches: Sequence[Batch], ranks: Ranks | None = None
) -> LabelledPredictions:
    """Let the module, as it stands, predict the rows of ``batches``; raises `DataError` when they have no labels.

    Device and arithmetic are the module's and the caller's. Several ``ranks`` share the batches, and all get all.
    """
    device = next(module.parameters()).device
    rows: list[NDArray[np.int64]] = []
    counts: list[NDArray[np.int64]] = []
    known: list[Labels] = []
    predictions: list[Labels] = []
    if ranks is None or len(batches) < ranks.size:
        ranks = Ranks()
    for batch in batches[ranks.rank :: ranks.size]:
        if batch.labels is None:
            raise DataError("these rows have no labels")
        labels = batch.labels.double().numpy()
        moved = batch.to(device)
        found = targets.predictions(module(moved.inputs, moved.padding_mask))
        rows.append(batch.rows)
        counts.append(targets.scored_counts(labels))
        due, given = targets.scored(labels, found)
        known.append(due)
        predictions.append(given)
    together = (ranks.rows(np.concatenate(parts)) for parts in (rows, counts, known, predictions))
    return LabelledPredictions(targets, *together).take(_places(batches, ranks))


def _places(batches: Sequence[Batch], ranks: Ranks) -> NDArray[np.int64]:
    """Where each row of the batches is among those of all ranks, which come rank by rank."""
    ends = np.cumsum([len(batch.rows) for batch in batches])
    of_batch = np.split(np.arange(ends[-1]), ends[:-1])
    came = [rows for rank in range(ranks.size) for rows in of_batch[rank :: ranks.size]]
    return np.argsort(np.concatenate(came), kind="stable")


def figures_by_target(judged: LabelledPredictions) -> dict[str, Figures]:
    """Return the figures of each target by its name; empty where there is one target only."""
    names = judged.targets.names
    return dict(zip(names, judged.target_figures(), strict=True)) if len(names) > 1 else {}
