"""The fine-tuning objective: predict labels with a head on the encoder (method, "Fine-tuning")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sma_core.data.batching.batches import Batch
from sma_core.devices.parallel import unsharded
from sma_core.devices.ranks import Ranks
from sma_core.errors import DataError
from sma_core.evaluation.metric_set import MetricSet
from sma_core.nn.model import Predictor
from sma_core.plugins.events import MaskExample
from sma_core.plugins.method_specs import Metric
from sma_core.training.finetuning.augmentation import Augmenter
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions, predict_labelled
from sma_core.training.finetuning.targets import Labels, Regression, Targets
from sma_core.training.finetuning.unfreezing import GradualUnfreezing


@dataclass(frozen=True)
class Limits:
    """Limits of censored labels (n, T), NaN elsewhere, and ``sides`` (n, T): 1 for labels above, -1 below."""

    values: Labels
    sides: NDArray[np.int8]

    def count(self, rows: NDArray[np.int64]) -> int:
        """Return the number of censored labels of store rows (m,)."""
        return int((self.sides[rows] != 0).sum())

    def join(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the labels (B, T) of a batch, with limits where they are censored, and their sides (B, T)."""
        assert batch.labels is not None, "the batch is labelled"
        values, sides = (torch.from_numpy(array[batch.rows]) for array in (self.values, self.sides))
        device = batch.labels.device
        return batch.labels.where(sides.to(device) == 0, values.to(batch.labels)), sides.to(device)


class FinetuneObjective:
    """Loss over labelled rows, and ``metrics`` on validation rows; ``selection`` selects the best checkpoint.

    Without validation rows there are no metrics, and no checkpoint is the best. ``weights`` (n,) are those of all
    store rows, which the loss divides by ``weight_unit``. ``augment`` changes training rows at random.
    ``unfreezing``, if it is set, decides what trains at a step.
    ``limits`` are the censored labels of all store rows, which count in the loss alone.
    """

    def __init__(
        self,
        module: Predictor,
        targets: Targets,
        valid: Sequence[Batch],
        metrics: MetricSet,
        selection: Metric,
        compiled: bool = False,
        weights: Labels | None = None,
        weight_unit: float = 1.0,
        augment: Augmenter | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.module = module
        self.targets = targets
        self.selection = selection.name
        self.higher_is_better = selection.higher_is_better
        self.metrics = metrics
        self._valid = valid
        self._weights, self._weight_unit = weights, weight_unit
        self._augment = augment
        self.examples: tuple[MaskExample, ...] = ()
        self._limits = limits
        self.unfreezing: GradualUnfreezing | None = None
        self.forward: nn.Module = module
        if compiled:
            self.forward = cast("nn.Module", torch.compile(module))

    def loss(self, batch: Batch, generator: torch.Generator, step: int) -> tuple[Tensor, Tensor]:
        """Return the mean loss over the known labels of ``batch`` and their number.

        An augmentation draws from ``generator``, to change the inputs; without one it is not used.
        A probe of the network is deactivated: it was fitted to the encoder before training.
        """
        if self.module.probe is not None:
            self.module.probe.deactivate()
        if self.unfreezing is not None:
            self.unfreezing.apply(step)
        if batch.labels is None:
            raise DataError("these rows have no labels")
        inputs = batch.inputs if self._augment is None else self._augment(batch, generator)
        outputs = batch.at_labels(self.forward(inputs, batch.padding_mask))
        weights = None
        if self._weights is not None:
            rows = torch.from_numpy(self._weights[batch.rows] / self._weight_unit).to(outputs)
            weights = rows[:, None].expand_as(batch.labels)  # (B,) -> (B, T), (B, N) or (B, L)
        if self._limits is not None:
            assert isinstance(self.targets, Regression), "censored labels are those of a regression"
            labels, sides = self._limits.join(batch)
            return self.targets.loss(outputs, labels, weights, sides), (~labels.isnan()).sum()
        return self.targets.loss(outputs, batch.labels, weights), (~batch.labels.isnan()).sum()

    def evaluate(self, ranks: Ranks) -> dict[str, float]:
        """Return the metrics on the validation rows; empty without any."""
        return self.predict_labelled(self._valid, ranks).figures() if self._valid else {}

    def predict_labelled(self, batches: Sequence[Batch], ranks: Ranks) -> LabelledPredictions:
        """Return labels and predictions of ``batches`` with the current weights."""
        with unsharded(self.module):
            predicted = predict_labelled(self.module, self.targets, self.metrics, batches, ranks)
        return predicted.weighed(self._weights)
