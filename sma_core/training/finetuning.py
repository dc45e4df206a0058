"""The fine-tuning objective: labels from latents through a head (method, "Fine-tuning")."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sma_core.data.batches import Batch
from sma_core.errors import DataError
from sma_core.evaluation.metrics import Metric
from sma_core.nn.model import Predictor
from sma_core.training.judging import Judged, judge
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
        self._forward = torch.compile(module) if compiled else module

    def loss(self, batch: Batch, generator: torch.Generator, step: int) -> Tensor:
        """Return the mean loss over the known labels of ``batch``; the other two play no part here."""
        if batch.labels is None:
            raise DataError("these rows have no labels")
        return self.targets.loss(self._forward(batch.inputs, batch.padding_mask), batch.labels)

    def evaluate(self) -> dict[str, float]:
        """Return the figures on the validation rows."""
        return self.judge(self._valid).figures()

    def judge(self, batches: Sequence[Batch]) -> Judged:
        """Return labels and predictions of ``batches`` for the module as it stands."""
        return judge(self.module, self.targets, batches)
