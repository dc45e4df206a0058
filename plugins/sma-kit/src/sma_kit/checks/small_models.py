"""Small models for the checks that train on a plugin's rows; a step takes milliseconds.

Shapes: B rows, N padded length, L latents, D latent width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sma_core.config import ModelConfig, PretrainConfig
    from sma_core.data.batching.batches import Batch
    from sma_core.data.blocks import Block
    from sma_core.data.tokenizers import DiscreteTokenizer
    from sma_core.nn.inputs import Inputs
    from sma_core.nn.masking import Mask
    from sma_core.nn.model import SMA
    from sma_core.training.pretraining import PretrainObjective

EncoderName = Literal["cross-attention", "self-attention"]
ENCODERS: tuple[EncoderName, ...] = ("cross-attention", "self-attention")
MAX_LENGTH = 512
ROWS = 16
STEPS = 10


@dataclass(frozen=True)
class TrialBatch:
    """A batch to train on, the model's inputs, and the settings of the recipe."""

    batch: Batch
    inputs: Inputs
    config: PretrainConfig


def small_model(encoder: EncoderName = "cross-attention") -> ModelConfig:
    """Return the settings of a small model."""
    from sma_core.config import DecoderConfig, ModelConfig

    return ModelConfig(
        encoder=encoder,
        max_length=MAX_LENGTH,
        embedding_width=16,
        latents=4,
        latent_width=16,
        layers=1,
        cross_heads=2,
        heads=2,
        decoder=DecoderConfig(width=16, heads=2),
    )


def text_trial(tokenizer: DiscreteTokenizer, config: PretrainConfig, rows: Sequence[str]) -> TrialBatch:
    """Encode rows, truncated to `MAX_LENGTH`, as one batch."""
    from sma_core.data.batching.batches import collate_encoded
    from sma_core.data.plugin_code import ids_of
    from sma_core.data.tokenizers import shorten
    from sma_core.nn.inputs import DiscreteInputs

    encoded = shorten(ids_of(tokenizer, list(rows), range(1, len(rows) + 1)), MAX_LENGTH, tokenizer.separator_id)
    batch = collate_encoded(encoded, tokenizer.pad_id, max_length=MAX_LENGTH)
    return TrialBatch(batch, DiscreteInputs(tokenizer.vocabulary_size), config)


def values_trial(block: Block, sentinels: Sequence[float], config: PretrainConfig, rows: int = ROWS) -> TrialBatch:
    """Standardise the first ``rows`` rows of a block as one batch; sequences are truncated to `MAX_LENGTH`."""
    import numpy as np

    from sma_core.data.batching.batches import collate_sequences, collate_values
    from sma_core.data.scaling import fit_scale, without_sentinels
    from sma_core.nn.inputs import ContinuousInputs

    values = without_sentinels(block.values, sentinels)
    scale = fit_scale([values], block.names(()))
    if block.offsets is None:
        return TrialBatch(collate_values(values[:rows], scale), ContinuousInputs(1), config)
    sequences = replace(block, values=values).sequences.take(np.arange(min(rows, len(block))))
    batch = collate_sequences(sequences.shortened(MAX_LENGTH), scale, max_length=MAX_LENGTH)
    return TrialBatch(batch, ContinuousInputs(values.shape[1]), config)


def train_a_step(trial: TrialBatch) -> bool:
    """Whether loss and weights are finite after one step with the recipe's masking."""
    import torch

    objective = _objective(trial)
    loss = _train(objective, trial, steps=1)
    finite = all(bool(torch.isfinite(parameter).all()) for parameter in objective.module.parameters())
    return finite and math.isfinite(loss)


def train_on_one_batch(trial: TrialBatch) -> tuple[float, float]:
    """Return the loss under fixed random masks before and after `STEPS` steps of the recipe's optimiser."""
    objective = _objective(trial)
    before = _held_out_loss(objective)
    _train(objective, trial, STEPS)
    return before, _held_out_loss(objective)


def _objective(trial: TrialBatch) -> PretrainObjective:
    from sma_core.training.pretraining import PretrainObjective

    masking = trial.config.masking.model_copy(update={"layer": min(trial.config.masking.layer, 1)})
    return PretrainObjective(_network(trial), masking, [trial.batch])


def _network(trial: TrialBatch) -> SMA:
    import torch

    from sma_core.nn.model import SMA

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = trial.config.model.encoder  # a plugin's own is tried by its own check
        return SMA(
            small_model("self-attention" if encoder == "self-attention" else "cross-attention"), trial.inputs
        )


def _train(objective: PretrainObjective, trial: TrialBatch, steps: int) -> float:
    """Train with the recipe's learning rate and weight decay, without warm-up; return the last loss."""
    import torch

    from sma_core.training.optimizers.groups import build_optimizer

    optimizer = build_optimizer(objective.module, trial.config.training)
    value = math.nan
    for step in range(steps):
        optimizer.zero_grad()
        loss, _ = objective.loss(trial.batch, torch.Generator().manual_seed(step), 0)
        torch.autograd.backward([loss])
        optimizer.step()
        value = float(loss.detach())
    return value


def _held_out_loss(objective: PretrainObjective) -> float:
    import torch

    from sma_core.devices.ranks import Ranks

    objective.module.eval()
    with torch.inference_mode():
        loss = objective.evaluate(Ranks())["held_out_random_loss"]
    objective.module.train()
    return loss


def choose_masks(trial: TrialBatch) -> Mask:
    """Choose the masks of a trial's rows with the recipe's masking and an untrained model."""
    import torch

    from sma_core.nn.masking import draw_noise
    from sma_core.nn.strategies.choosing import choose_mask

    network, (rows, length) = _network(trial), trial.batch.padding_mask.shape
    masking = trial.config.masking.model_copy(update={"layer": min(trial.config.masking.layer, 1)})
    generator = torch.Generator().manual_seed(0)
    noise = draw_noise(rows, network.encoder.query_count(length), length, generator, "cpu")
    with torch.no_grad():
        return choose_mask(network.situation(trial.batch.inputs, trial.batch.padding_mask, masking, noise))


def latents_of(trial: TrialBatch) -> list[Any]:
    """Return the real latents (L, D) of each row."""
    import torch

    network = _network(trial).eval()
    with torch.inference_mode():
        latents = network.encode(trial.batch.inputs, trial.batch.padding_mask)
    if latents.real is None:
        return list(latents.values)
    return [values[real] for values, real in zip(latents.values, latents.real, strict=True)]
