"""Sentences on what a fine-tuning does differently from the usual, for its output and results."""

from __future__ import annotations

from sma_core.config import FinetuneConfig
from sma_core.training.class_weights import class_weights_text
from sma_core.training.targets import Targets


def training_notes(targets: Targets, config: FinetuneConfig) -> list[str]:
    """Return a sentence for each setting of the loss that was made."""
    notes = []
    if config.loss is not None:
        notes.append(f"loss: {targets.loss_text()}")
    if config.class_weights is not None:
        notes.append(f"class weights in the loss: {class_weights_text(targets)}")
    return notes
