"""Layer-wise learning-rate decay: which parameter learns at which rate."""

from __future__ import annotations

import pytest
import torch

from sma_core.config import TrainingConfig
from sma_core.nn.heads import MeanHead
from sma_core.nn.inputs import DiscreteInputs
from sma_core.nn.model import SMA, Predictor
from sma_core.training.optimizers.groups import build_optimizer, set_learning_rate
from sma_core.training.optimizers.layer_decay import layer_rates
from sma_kit.checks.small_models import small_model


def predictor(encoder: str = "cross-attention", blocks: int = 1) -> Predictor:
    config = small_model(encoder).model_copy(update={"layers": 3, "blocks": blocks})
    whole = SMA(config, DiscreteInputs(11))
    return Predictor(whole.embed, whole.encoder, MeanHead(config, 2))


@pytest.mark.parametrize("encoder", ["cross-attention", "self-attention"])
@pytest.mark.parametrize("blocks", [1, 4])
def test_each_layer_learns_at_a_share_of_the_rate_of_the_one_above(encoder, blocks):
    module = predictor(encoder, blocks)
    rates = layer_rates(module, 0.5)
    assert set(rates) == {name for name, _ in module.named_parameters()}
    due = {
        "head.": 1.0,
        "encoder.layers.2.": 1 / 2,
        "encoder.layers.1.": 1 / 4,
        "encoder.layers.0.": 1 / 8,
        "encoder.first.": 1 / 16,
        "encoder.latents": 1 / 16,
        "embed.": 1 / 32,
    }
    for name, rate in rates.items():
        assert rate == due[next(part for part in due if name.startswith(part))]


def test_the_optimiser_moves_each_parameter_at_its_own_rate():
    module = predictor()
    before = {name: value.detach().clone() for name, value in module.named_parameters()}
    optimizer = build_optimizer(module, TrainingConfig(steps=1, weight_decay=0.0), layer_rates(module, 0.5))
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    set_learning_rate(optimizer, 1e-2)
    optimizer.step()
    # Adam's first step is the learning rate, whatever the gradient.
    moved = {
        name: float((before[name] - value.detach()).abs().mean()) for name, value in module.named_parameters()
    }
    rates = layer_rates(module, 0.5)
    assert moved == {name: pytest.approx(1e-2 * rate, rel=1e-3) for name, rate in rates.items()}


def test_without_decay_all_groups_have_one_rate_and_vectors_no_weight_decay():
    module = predictor()
    groups = build_optimizer(module, TrainingConfig(steps=1), layer_rates(module, 1.0)).param_groups
    assert {group["share"] for group in groups} == {1.0}
    kinds = [(group["weight_decay"] > 0, group["hidden"]) for group in groups]
    assert kinds == [(True, True), (True, False), (False, False)]  # hidden matrices, other matrices, vectors
    assert sum(len(group["params"]) for group in groups) == len(list(module.parameters()))
