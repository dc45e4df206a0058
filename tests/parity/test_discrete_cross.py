"""The pre-training network, stage by stage, against what the authors' implementation gave."""

import pytest
import torch
from torch import Tensor

from sma_core.config.models import MaskingConfig
from sma_core.nn import model as model_module
from sma_core.nn.masking import MaskNoise, draw_noise, query_count
from sma_core.nn.model import SMA, Reconstruction
from tests.parity.official import (
    Case,
    Seen,
    assert_as_recorded,
    assert_gradients_as_recorded,
    load_case,
    load_official,
    mask_from,
    our_config,
)

CASES = ["discrete-cross", "discrete-cross-shared-embedding"]


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return load_case(request.param)


def build(case: Case, dtype: torch.dtype = torch.float32) -> SMA:
    model = SMA(our_config(case.config), case.config["num_discrete_tokens"])
    load_official(model, case.weights)
    return model.to(dtype)


def masking_of(case: Case) -> MaskingConfig:
    arguments = case.config["cross_train_noising_args"][0][1]
    return MaskingConfig(ratio=arguments["masking_ratio"], keys_per_query=arguments["num_per_query"])


def run(model: SMA, case: Case, noise: MaskNoise | None = None) -> Reconstruction:
    inputs = case.inputs["inputs"]
    if noise is None:
        rows, length = inputs.shape
        noise = draw_noise(rows, case.config["num_latents"], length, torch.Generator(), "cpu")
    return model(inputs, case.padding_mask, masking_of(case), noise)


@pytest.fixture
def fixed_mask(case, monkeypatch) -> Tensor:
    """Hide what the recording hid."""
    mask = mask_from(case.inputs["fixed_mask"])
    monkeypatch.setattr(model_module, "choose_mask", lambda *_: mask)
    return mask.hidden


def decode_all(model: SMA, latents: Tensor) -> Tensor:
    """Logits of every position of the table, as the recording has them."""
    length = model.embed.positions.num_embeddings
    return model.decoder(latents, torch.arange(length).expand(len(latents), -1), model.embed)


def test_every_official_tensor_is_read_or_a_copy_of_one_that_is(case):
    model = SMA(our_config(case.config), case.config["num_discrete_tokens"])
    read = load_official(model, case.weights)
    for group in case.meta["tied"]:
        kept = [name for name in group if name in read]
        assert len(kept) == 1
        assert all(torch.equal(case.weights[name], case.weights[kept[0]]) for name in group)
    copies = {name for group in case.meta["tied"] for name in group}
    assert set(case.weights) == read | copies


def test_parameter_count_is_the_recorded_one(case):
    count = sum(parameter.numel() for parameter in build(case).parameters())
    assert count == case.meta["num_parameters"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_stages_of_the_encoder_agree(case, fixed_mask, dtype):
    model = build(case, dtype)
    seen = Seen(model)
    run(model, case)
    visible = case.padding_mask & ~fixed_mask
    stages = seen.encoder_stages(model.encoder.first, visible, case.config["num_self_attends_per_block"])
    assert set(stages) == {name for name in case.outputs if name.startswith(("embedded", "cross", "latents"))}
    for name, value in stages.items():
        assert_as_recorded(value, case.outputs[name], name)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_stages_of_the_decoder_agree_at_every_position(case, fixed_mask, dtype):
    model = build(case, dtype)
    seen = Seen(model)
    run(model, case)
    logits = decode_all(model, seen.inputs["decoder.latent_norm"])
    stages = {
        "decoder.layer_output": seen.outputs["decoder.layer"],
        "decoder.final_layernorm": seen.outputs["decoder.output_norm"],
        "decoder.probs": seen.scores("decoder.layer", model.decoder.layer).softmax(-1),
        "decoder.logits": logits,
    }
    assert set(stages) == {name for name in case.outputs if name.startswith("decoder")}
    for name, value in stages.items():
        assert_as_recorded(value, case.outputs[name], name)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_loss_and_every_recorded_gradient_agree(case, fixed_mask, dtype):
    model = build(case, dtype)
    result = run(model, case)
    result.loss.backward()
    assert_as_recorded(result.loss, case.outputs["loss"], "loss")
    assert result.hidden_count == fixed_mask.sum()
    assert_gradients_as_recorded(model, case)


def test_encoding_with_nothing_hidden_agrees(case):
    model = build(case).eval()
    seen = Seen(model)
    with torch.no_grad():
        latents = model.encode(case.inputs["inputs"], case.padding_mask)
        logits = decode_all(model, latents)
    for name, value in {
        "eval.cross.layer_output": seen.inputs["encoder.layers.0"],
        "eval.latents.final": latents,
        "eval.decoder.logits": logits,
    }.items():
        assert_as_recorded(value, case.outputs[name], name)


def test_guided_mask_and_its_loss_agree_for_the_recorded_draws(case):
    model, masking, chosen = build(case), masking_of(case), case.outputs["guided.chosen_queries"]
    (rows, length), latents = case.inputs["inputs"].shape, case.config["num_latents"]
    assert query_count(length, masking.ratio, masking.keys_per_query, latents) == chosen.shape[1]
    noise = MaskNoise(torch.zeros(rows, latents).scatter(1, chosen, 1.0), torch.zeros(rows, length))
    result = run(model, case, noise)
    assert torch.equal(result.mask.hidden, case.outputs["guided.mask"])
    assert_as_recorded(result.loss, case.outputs["guided.loss"], "guided.loss")


def test_five_steps_of_training_agree(case, fixed_mask):
    model = build(case)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    losses = []
    for _ in range(5):
        loss = run(model, case).loss
        losses.append(loss.detach())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert_as_recorded(torch.stack(losses), case.outputs["train.losses"], "train.losses", share=1e-4)
