"""Sentences on what a fine-tuning does differently from the usual, for its output and results."""

from __future__ import annotations

from sma_core.config import FinetuneConfig
from sma_core.training.finetuning.class_weights import class_weights_text
from sma_core.training.finetuning.regression_losses import HUBER
from sma_core.training.finetuning.targets import Regression, Targets


def loss_text(targets: Targets) -> str:
    """Return the loss of a regression, with the parameter of the Huber loss; empty for other kinds of labels."""
    if not isinstance(targets, Regression):
        return ""
    delta = f" (delta {targets.huber_delta:g})" if targets.loss_name == HUBER else ""
    return f"{targets.loss_name}{delta} of standardised labels"


def training_notes(targets: Targets, config: FinetuneConfig) -> list[str]:
    """Return a sentence for each setting of the loss that was made."""
    notes = []
    if config.loss is not None:
        notes.append(f"loss: {loss_text(targets)}")
    if config.class_weights is not None:
        notes.append(f"class weights in the loss: {class_weights_text(targets)}")
    return notes
