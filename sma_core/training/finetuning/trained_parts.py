"""Sentences on which part of a network a fine-tuning trains."""

from __future__ import annotations

from sma_core.config.finetuning import FinetuneTrainingConfig
from sma_core.nn.adapters import adapters, merged_parameter_count
from sma_core.nn.model import Predictor
from sma_core.nn.parameters import parameter_count
from sma_core.printable import counted
from sma_core.training.finetuning.unfreezing import GradualUnfreezing


def trained_parts(module: Predictor, training: FinetuneTrainingConfig, saved: int | None = None) -> list[str]:
    """Return a sentence if not all parameters of ``module`` train from the start.

    ``saved`` is the size in bytes of the saved weights, None before they are.
    """
    if training.unfreeze_layers is not None:
        epochs = GradualUnfreezing(module, training.unfreeze_layers, 1).epochs_until_all()
        return [
            "gradual unfreezing: the head alone in epoch 1, then "
            f"{counted(training.unfreeze_layers, 'more layer')} with each epoch, all from epoch {epochs + 1}"
        ]
    shares = f"{parameter_count(module):,} of {merged_parameter_count(module):,} parameters"
    if training.lora_rank is not None:
        alpha = training.lora_alpha or training.lora_rank
        count = sum(1 for _ in adapters(module))
        size = "" if saved is None else f"; saved as merged weights, {saved / 1e6:.1f} MB"
        return [
            f"low-rank adapters of rank {training.lora_rank}, alpha {alpha:g}, on {count} projections: they and "
            f"the head train, {shares}{size}"
        ]
    return [f"the head trains alone, {shares}"] if training.frozen_encoder else []
