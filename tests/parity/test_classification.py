"""Both heads, with the encoder below them, against what the authors' implementation gave."""

import pytest
import torch
from torch.nn import functional

from sma_core.nn.heads import DecoderHead, MeanHead
from sma_core.nn.model import SMA, Predictor
from tests.parity.official import (
    Case,
    Seen,
    assert_as_recorded,
    assert_gradients_as_recorded,
    load_case,
    load_official,
    our_config,
)

CASES = ["classification-regression", "classification-3class", "classification-mean-pool"]


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return load_case(request.param)


def mean_pool(case: Case) -> bool:
    return case.config["decoder_type"] == "mean_pool"


def build(case: Case) -> Predictor:
    config = our_config(case.config)
    head = (MeanHead if mean_pool(case) else DecoderHead)(config, len(case.config["id2label"]))
    backbone = SMA(config, case.config["num_discrete_tokens"])
    return Predictor(backbone.embed, backbone.encoder, head)


def loss_of(case: Case, logits: torch.Tensor) -> torch.Tensor:
    labels = case.inputs["labels"]
    if case.meta["problem_type"] == "regression":
        return functional.mse_loss(logits.view_as(labels), labels)
    return functional.cross_entropy(logits, labels)


def test_every_official_tensor_is_read_or_a_copy_of_one_that_is(case):
    model = build(case)
    read = load_official(model, case.weights, mean_pool(case))
    copies = {name for group in case.meta["tied"] for name in group}
    assert set(case.weights) == read | copies
    assert sum(parameter.numel() for parameter in model.parameters()) == case.meta["num_parameters"]


def test_stages_logits_and_loss_agree(case):
    model = build(case)
    load_official(model, case.weights, mean_pool(case))
    seen = Seen(model)
    logits = model(case.inputs["inputs"], case.padding_mask)
    layers = case.config["num_self_attends_per_block"]
    stages = seen.encoder_stages(model.encoder.first, case.padding_mask, layers)
    stages |= {"logits": logits, "loss": loss_of(case, logits)}
    if not mean_pool(case):
        stages |= {
            "decoder.layer_output": seen.outputs["head.layer"],
            "decoder.final_layernorm": seen.outputs["head.output_norm"],
            "decoder.logits": logits[:, None],
        }
    recorded = {name for name in case.outputs if not name.startswith("grad")}
    assert set(stages) == recorded
    for name, value in stages.items():
        assert_as_recorded(value, case.outputs[name], name)


def test_every_recorded_gradient_agrees(case):
    model = build(case)
    load_official(model, case.weights, mean_pool(case))
    loss_of(case, model(case.inputs["inputs"], case.padding_mask)).backward()
    assert_gradients_as_recorded(model, case, mean_pool(case))
