"""A plugin whose head has one thing wrong fails the check for that thing."""

import pytest

from tests.support.wrong_plugins import CHECKS, WITH_HEAD, breaks, failure, failures

OWN = """
'''A head.'''
import torch
from torch import nn
from sma_core.nn.heads import MeanHead, PositionHead, mean_latents

class Wrong(MeanHead):
    {body}
"""
OF_HEADS = [name for name in CHECKS if "heads" in name]
POSITIONS = ('toy_plugin.own:Wrong")]', 'toy_plugin.own:Wrong", per_position=True)]')


def only_failure_of_heads(name):
    found = {each: said for each in OF_HEADS if (said := failure(each))}
    assert list(found) == [name], found
    assert "\n" not in found[name]
    return found[name]


@pytest.fixture
def wrong(install):
    """Install the toy with a head that has this body."""
    return lambda body, *changes: install.toy(*WITH_HEAD, *changes, own=OWN.format(body=body))


def test_a_good_head_holds_the_contract(wrong):
    wrong("pass")
    assert failures(*OF_HEADS) == {}


SHAPES = [
    ("def forward(self, encoded): return super().forward(encoded)[0]", "(2, 3), not (3,)"),
    ("def __init__(self, model_config): super().__init__(model_config, 2)", "factory(model_config, outputs)"),
]


@pytest.mark.parametrize(("body", "said"), SHAPES)
@breaks("test_heads_give_outputs_of_the_right_shape")
def test_a_head_of_the_wrong_shape(wrong, body, said):
    wrong(body)
    assert said in failure("test_heads_give_outputs_of_the_right_shape")


@breaks("test_heads_give_outputs_of_the_right_shape")
def test_a_head_that_does_not_answer_for_every_position(wrong):
    wrong("pass", POSITIONS)
    assert "(2, 7, 3), not (2, 3)" in failure("test_heads_give_outputs_of_the_right_shape")


@pytest.mark.parametrize(
    "body",
    [
        "def forward(self, encoded): return self.output(encoded.embedded.mean(dim=1))",
        "def forward(self, encoded): return self.output(encoded.latents.values.mean(dim=1))",
    ],
)
@breaks("test_heads_ignore_padding")
def test_a_head_that_looks_at_padding(wrong, body):
    wrong(body)
    assert "the same outputs for a row alone and padded" in only_failure_of_heads("test_heads_ignore_padding")


@breaks("test_heads_ignore_padding")
def test_a_head_for_positions_that_looks_at_padding(wrong):
    wrong(
        "def __init__(self, config, outputs):\n"
        "        super().__init__(config, outputs)\n"
        "        self.of_positions = PositionHead(config, outputs)\n"
        "    def forward(self, encoded):\n"
        "        return self.of_positions(encoded) + encoded.embedded.abs().sum(dim=(1, 2))[:, None, None]",
        POSITIONS,
    )
    assert only_failure_of_heads("test_heads_ignore_padding")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "def __init__(self, config, outputs):\n"
            "        super().__init__(config, outputs)\n"
            "        self.norm = nn.BatchNorm1d(outputs)\n"
            "    def forward(self, encoded): return self.norm(super().forward(encoded))",
            "must train on one row: ValueError: Expected more than 1 value",
        ),
        (
            "def forward(self, encoded):\n"
            "        found = super().forward(encoded)\n"
            "        return found / (1 if not self.training else found.std(dim=0) if len(found) < 2 else 1)",
            "its loss is not finite",
        ),
    ],
)
@breaks("test_heads_take_a_batch_of_one")
def test_a_head_that_needs_several_rows(wrong, body, said):
    wrong(body)
    assert said in only_failure_of_heads("test_heads_take_a_batch_of_one")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def forward(self, encoded): return super().forward(encoded).round()", "change its loss from"),
        ("def forward(self, encoded): return super().forward(encoded).detach()", "its outputs need gradients"),
    ],
)
@breaks("test_heads_learn")
def test_a_head_that_learns_nothing(wrong, body, said):
    wrong(body)
    assert said in failure("test_heads_learn")


@pytest.mark.parametrize(
    "keep", ["self.shift = torch.randn(outputs)", "self.register_buffer('shift', torch.randn(outputs), False)"]
)
@breaks("test_saved_heads_give_the_same_outputs")
def test_a_head_with_weights_that_are_not_saved(wrong, keep):
    wrong(
        "def __init__(self, config, outputs):\n"
        "        super().__init__(config, outputs)\n"
        f"        {keep}\n"
        "    def forward(self, encoded): return super().forward(encoded) + self.shift"
    )
    sentence = only_failure_of_heads("test_saved_heads_give_the_same_outputs")
    assert "parameters and registered buffers: loaded from a checkpoint, its outputs differ" in sentence
