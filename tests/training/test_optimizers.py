"""Any torch optimiser trains, skips steps that are not finite, and resumes with the same bits."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sma_core.config import TrainingConfig
from sma_core.errors import CheckpointError
from sma_core.training.optimizers import BUILDERS, build_optimizer, parameter_groups, skips_by_itself
from sma_core.training.optimizers.state import load_optimizer_tensors, optimizer_tensors
from sma_core.training.schedules import SCHEDULES, learning_rate

CONFIG = TrainingConfig(steps=10, learning_rate=0.1, warmup_steps=0)
OTHERS = {
    "sgd": lambda groups, config: torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9),
    "nadam": lambda groups, config: torch.optim.NAdam(groups, lr=config.learning_rate),
    "adafactor": lambda groups, config: torch.optim.Adafactor(groups, lr=config.learning_rate),
}
ALL = {**BUILDERS, **OTHERS}


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))


def steps(module: nn.Module, optimizer: torch.optim.Optimizer, count: int, seed: int) -> None:
    for step in range(count):
        torch.manual_seed(seed + step)
        module(torch.randn(5, 3)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("name", ALL)
def test_the_state_goes_into_named_tensors_and_comes_back_with_the_same_bits(name):
    whole = network()
    optimizer = build_optimizer(whole, CONFIG, builder=ALL[name])
    steps(whole, optimizer, 3, seed=0)
    half = network()
    half.load_state_dict(whole.state_dict())
    saved = {key: tensor.clone() for key, tensor in optimizer_tensors(optimizer, whole).items()}
    assert saved
    resumed = build_optimizer(half, CONFIG, builder=ALL[name])
    load_optimizer_tensors(resumed, half, saved)
    steps(whole, optimizer, 3, seed=10)
    steps(half, resumed, 3, seed=10)
    for one, other in zip(whole.parameters(), half.parameters(), strict=True):
        assert torch.equal(one, other)


def test_tensors_of_earlier_checkpoints_have_the_names_that_adamw_gives():
    module = network()
    optimizer = build_optimizer(module, CONFIG)
    steps(module, optimizer, 1, seed=0)
    names = list(optimizer_tensors(optimizer, module))
    assert names[:3] == ["exp_avg.0.weight", "exp_avg_sq.0.weight", "step.0.weight"]


def test_state_that_is_no_tensor_is_refused():
    module = network()
    optimizer = build_optimizer(module, CONFIG, builder=OTHERS["sgd"])
    steps(module, optimizer, 1, seed=0)
    optimizer.state[module[0].weight]["count"] = 3
    with pytest.raises(CheckpointError, match="keeps 'count' as int, but a checkpoint holds tensors"):
        optimizer_tensors(optimizer, module)


def test_only_fused_optimisers_skip_by_themselves():
    assert skips_by_itself(build_optimizer(network(), CONFIG))
    assert not skips_by_itself(build_optimizer(network(), CONFIG, builder=OTHERS["sgd"]))


def test_vectors_get_no_weight_decay():
    groups = parameter_groups(network(), CONFIG)
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == [(0.01, 2), (0.0, 4)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_warms_up_and_stays_within_the_rate(name):
    config = TrainingConfig(steps=100, learning_rate=0.5, warmup_steps=10, schedule=name)
    rates = [learning_rate(step, 100, config) for step in range(1, 101)]
    assert rates[:10] == [0.5 * step / 10 for step in range(1, 11)]
    assert all(0.0 < rate <= 0.5 for rate in rates)


def test_a_schedule_of_a_plugin_takes_the_place_of_the_cores():
    assert learning_rate(6, 10, CONFIG, schedule=lambda share: 1.0 - share) == pytest.approx(0.05)
