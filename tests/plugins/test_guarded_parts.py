"""When values of plugins' parts are looked at, and what is no fault of theirs."""

import copy

import torch
from torch import nn

from sma_core.config import MaskingConfig
from sma_core.nn.attention import Projected
from sma_core.nn.masking import draw_noise, hide
from sma_core.nn.part_faults import LOOK_EVERY, LOOKS, Looks
from sma_core.nn.strategies.guarded import GuardedStrategy
from sma_core.nn.strategies.protocol import Hiding, Situation
from sma_core.plugin_calls import guard


def test_values_are_looked_at_now_and_then_where_that_waits():
    looks, elsewhere = Looks(), torch.empty(1, device="meta")
    due = [call for call in range(1, 3 * LOOK_EVERY) if looks.due(elsewhere)]
    assert due == [*range(1, LOOKS + 1), LOOK_EVERY, 2 * LOOK_EVERY]
    assert all(looks.due(torch.empty(1)) for _ in range(10))


def test_a_copy_of_a_guarded_module_is_its_own():
    module = nn.Linear(1, 1)
    guard(module, "forward", "it", lambda *_: None)
    other = copy.deepcopy(module)
    with torch.no_grad():
        other.weight.fill_(0.0)
        other.bias.fill_(7.0)
        assert float(other(torch.ones(1))) == 7.0
    assert other.forward.function.__self__ is other


def test_a_model_that_has_diverged_is_not_the_fault_of_a_strategy():
    class ByKeys(Hiding):
        def choose(self, situation):
            real = situation.padding_mask
            return hide(situation.projected.keys.mean(dim=(1, 3)), real, situation.masking, situation.noise)

    real, keys = torch.ones(2, 6, dtype=torch.bool), torch.randn(2, 1, 6, 4)
    noise = draw_noise(2, 3, 6, torch.Generator().manual_seed(0), "cpu")
    strategy = GuardedStrategy(ByKeys({}), "it")

    def choose(keys):
        projected = Projected(keys, keys, keys)
        return strategy.choose(Situation(real, None, projected, keys, real, MaskingConfig(), noise))

    assert choose(keys).hidden.any()
    assert choose(keys * float("nan")).hidden.any()
