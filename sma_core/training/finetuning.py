"""The fine-tuning objective: labels from latents through a head (method, "Fine-tuning")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sma_core.data.batches import Batch
from sma_core.errors import DataError
from sma_core.evaluation.metrics import Metric, compute_metrics
from sma_core.nn.model import Predictor
from sma_core.training.targets import Labels, Targets


class FinetuneObjective:
    """Loss over labelled rows; the validation figure ``selection`` picks the checkpoint."""

    def __init__(
        self,
        module: Predictor,
        targets: Targets,
        valid: Sequence[Batch],
        metric: Metric,
        compiled: bool = False,
    ) -> None:
        self.module = module
        self.targets = targets
        self.selection = metric.name
        self.higher_is_better = metric.higher_is_better
        self._valid = valid
        self._forward = torch.compile(module) if compiled else module

    def loss(self, batch: Batch, generator: torch.Generator, step: int) -> Tensor:
        """Return the mean loss over the known labels of ``batch``; the other two play no part here."""
        return self.targets.loss(self._forward(batch.inputs, batch.padding_mask), _labels(batch))

    def evaluate(self) -> dict[str, float]:
        """Return the figures on the validation rows."""
        return self.figures(self._valid)

    def figures(self, batches: Sequence[Batch]) -> dict[str, float]:
        """Return the figures of merit over ``batches`` for the module as it stands."""
        device = next(self.module.parameters()).device
        labels: list[Labels] = []
        predictions: list[Labels] = []
        for batch in batches:
            moved = batch.to(device)
            outputs = self.module(moved.inputs, moved.padding_mask)
            found = self.targets.predictions(outputs)
            known, judged = self.targets.judged(_labels(batch).double().numpy(), found)
            labels.append(known)
            predictions.append(judged)
        return compute_metrics(self.targets.kind, np.concatenate(labels), np.concatenate(predictions))


def _labels(batch: Batch) -> Tensor:
    if batch.labels is None:
        raise DataError("these rows have no labels")
    return batch.labels
