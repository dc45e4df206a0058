"""The fine-tuning objective: labels from latents through a head (method, "Fine-tuning")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from sma_core.data.batching.batches import Batch
from sma_core.devices.parallel import unsharded
from sma_core.devices.ranks import Ranks
from sma_core.errors import DataError
from sma_core.evaluation.metrics import Metric
from sma_core.nn.model import Predictor
from sma_core.training.labelled_predictions import LabelledPredictions, predict_labelled
from sma_core.training.targets import Targets


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
        self.forward: nn.Module = module
        if compiled:
            self.forward = cast("nn.Module", torch.compile(module))

    def loss(self, batch: Batch, generator: torch.Generator, step: int) -> tuple[Tensor, Tensor]:
        """Return the mean loss over the known labels of ``batch``, and how many these are; nothing is drawn."""
        if batch.labels is None:
            raise DataError("these rows have no labels")
        outputs = self.forward(batch.inputs, batch.padding_mask)
        return self.targets.loss(outputs, batch.labels), (~batch.labels.isnan()).sum()

    def evaluate(self, ranks: Ranks) -> dict[str, float]:
        """Return the figures on the validation rows."""
        return self.predict_labelled(self._valid, ranks).figures()

    def predict_labelled(self, batches: Sequence[Batch], ranks: Ranks) -> LabelledPredictions:
        """Return labels and predictions of ``batches`` for the module as it stands."""
        with unsharded(self.module):
            return predict_labelled(self.module, self.targets, batches, ranks)
