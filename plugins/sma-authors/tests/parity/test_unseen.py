"""The tool on recordings of settings that nobody recorded: made here by a second, plain implementation."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from sma_authors.recorded_model import check_case, read_case
from sma_authors.settings import read_settings
from sma_authors.tensor_names import canonical
from sma_authors.weights import build_predictor, split_back, with_copies
from sma_core.nn.model import SMA

from .reference import Reference

DECODER = {
    "query_num_channels": 12,
    "qk_channels": 18,
    "v_channels": 12,
    "num_heads": 3,
    "use_query_residual": True,
}
MASKING = "RandomlySelectedCrossAttentionMasking"
BASE = {
    "model_type": "sma", "encoder_type": "cross_attention", "input_type": "discrete", "num_discrete_tokens": 31,
    "input_channels": 3, "max_position_embeddings": 20, "embedded_channels": 12, "num_latents": 5,
    "latent_channels": 30, "v_channels": 30, "qk_channels": 12, "encoder_cross_attention_channels": 20,
    "num_blocks": 1, "num_self_attends_per_block": 2, "num_cross_attention_heads": 5,
    "num_self_attention_heads": 3, "cross_attention_widening_factor": 2, "self_attention_widening_factor": 3,
    "dense_use_bias": False, "use_query_residual": True, "use_position_embeddings": True,
    "initializer_range": 0.3, "pe_initializer_range": 0.3,
    "teacher_args": {"reconstruction_decoder_args": DECODER, "reconstruction_loss_fn": "crossentropy"},
    "cross_train_noising_args": [[MASKING, {"masking_ratio": 0.4, "num_per_query": 3}]],
}  # fmt: skip
SELF = {"encoder_type": "self_attention", "embedded_channels": 30}
NUMBERS = {"input_type": "continuous"}


def teacher(loss="crossentropy", decoder=(), **others) -> dict:
    arguments = DECODER | dict(decoder)
    return {"teacher_args": {"reconstruction_decoder_args": arguments, "reconstruction_loss_fn": loss, **others}}


UNSEEN = {
    "plain": {},
    "biases, blocks, no residuals": {
        "dense_use_bias": True, "num_blocks": 3, "use_query_residual": False,
        **teacher(decoder={"use_query_residual": False, "widening_factor": 4}),
    },
    "no trunk": {"num_self_attends_per_block": 0},
    "extra layers, own queries, weighted": teacher(
        decoder={"post_decoder_layers": "17 gelu 14 tanh"}, reconstruction_weighted_loss=True
    ),
    "shared everything, mask token, extra layers": teacher(
        decoder={"share_decoder_queries": True, "share_embedding_weights": True, "add_mask_token": True,
                 "post_decoder_layers": "9 relu 12"}
    ),
    "embedding asked to be shared, but of another width": teacher(
        decoder={"share_embedding_weights": True, "post_decoder_layers": "9"}
    ),
    "self-attention, two blocks, biases": SELF | {"num_blocks": 2, "dense_use_bias": True},
    "self-attention with shared queries": SELF | teacher(
        decoder={"query_num_channels": 30, "v_channels": 30, "share_decoder_queries": True, "add_mask_token": True}
    ),
    "three channels, scaled and clipped": NUMBERS | teacher(
        "mse", target_mean=[0.1, 0.2, -0.3], target_std=[0.5, 1.0, 2.0], target_clip=0.8
    ),
    "numbers without positions": NUMBERS | {"use_position_embeddings": False, "input_channels": 1} | teacher(
        "mse", decoder={"share_decoder_queries": True}
    ),
    "numbers, self-attention": NUMBERS | SELF | teacher("mse", decoder={"post_decoder_layers": "8 gelu"}),
    "fixed length": {"cross_train_noising_args": [[MASKING, {"masking_ratio": 0.25, "varying_length": False}]]},
}  # fmt: skip
HEADS = {
    "decoder head, extra layers": {
        "decoder_latent_channels": 16, "decoder_heads": 4, "decoder_attention_channels": 8,
        "post_decoder_layers": "11 gelu",
    },
    "decoder head, a width left out": {"decoder_latent_channels": 12, "dense_use_bias": True, "decoder_heads": 2},
    "mean head, biases": {"decoder_type": "mean_pool", "dense_use_bias": True},
    "decoder head, self-attention": SELF | {"decoder_latent_channels": 16, "decoder_heads": 4},
    "decoder head, numbers": NUMBERS | {"decoder_latent_channels": 16, "decoder_heads": 2},
}  # fmt: skip


def inputs_of(config: dict) -> dict[str, torch.Tensor]:
    lengths = torch.tensor([17, 9, 13, 6])
    mask = torch.arange(17) < lengths[:, None]
    if config["input_type"] == "discrete":
        rows = torch.randint(6, 31, mask.shape) * mask
    else:
        rows = torch.randn(*mask.shape, config["input_channels"]) * mask[:, :, None]
    return {"inputs": rows, "attention_mask": mask.long()}


def write(folder: Path, config: dict, weights: dict, inputs: dict, outputs: dict) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    contiguous = [
        {k: v.detach().clone().contiguous() for k, v in part.items()} for part in (weights, inputs, outputs)
    ]
    for name, tensors in zip(("model", "inputs", "outputs"), contiguous, strict=True):
        save_file(tensors, folder / f"{name}.safetensors")
    return folder


def with_gradients(weights: dict, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    loss.backward()
    gradients = {f"grad.{name}": weight.grad for name, weight in weights.items() if weight.grad is not None}
    norm = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
    return {"loss": loss, "grad_norm_all": norm, **gradients}


@pytest.mark.parametrize("name", UNSEEN)
def test_an_unseen_pre_training_model_agrees(name, tmp_path):
    torch.manual_seed(1)
    config = BASE | UNSEEN[name]
    settings = read_settings(config)
    model = SMA(settings.model, settings.inputs)
    named = with_copies(split_back(model, model.state_dict()), settings)
    weights = {k: v.clone().requires_grad_() for k, v in named.items() if canonical(k) == k}
    reference, inputs = Reference(config, weights), inputs_of(config)
    real = inputs["attention_mask"] > 0
    hidden = real & (torch.rand(real.shape) < 0.3)
    hidden[:, 0], hidden[:, 1] = True, False
    logits, loss = reference.reconstruct(inputs["inputs"], real, hidden)
    outputs = {"decoder.logits": logits, "cross.scores_raw": reference.seen["perceiver.encoder.cross_attention"]}
    outputs |= with_gradients(weights, loss)
    outputs["eval.decoder.logits"] = reference.reconstruct(inputs["inputs"], real, None)[0]
    folder = write(tmp_path / "case", config, named, inputs | {"fixed_mask": hidden}, outputs)
    verdicts = check_case(read_case(folder))
    assert [v for v in verdicts if v.verdict == "fail"] == []
    assert {verdict.tensor for verdict in verdicts if verdict.verdict == "pass"} == set(outputs)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("problem", ["regression", "single_label_classification", "multi_label_classification"])
def test_an_unseen_head_agrees(name, problem, tmp_path):
    torch.manual_seed(1)
    outputs_of_head = 1 if problem == "regression" else 3
    labels_named = {str(index): f"LABEL_{index}" for index in range(outputs_of_head)}
    head = {"decoder_type": "cross_attention", "post_decoder_layers": None, "num_outputs": 1}
    said = {
        "teacher_args": {},
        "cross_train_noising_args": None,
        "problem_type": problem,
        "id2label": labels_named,
    }
    config = BASE | head | HEADS[name] | said
    settings = read_settings(config)
    module = build_predictor(settings)
    named = with_copies(split_back(module, module.state_dict(), settings.head == "mean"), settings)
    weights = {k: v.clone().requires_grad_() for k, v in named.items() if canonical(k) == k}
    inputs = inputs_of(config)
    logits = Reference(config, weights).classify(inputs["inputs"], inputs["attention_mask"] > 0)
    if problem == "regression":
        labels = torch.randn(4)
        loss = functional.mse_loss(logits[:, 0], labels)
    elif problem == "single_label_classification":
        labels = torch.tensor([0, 2, 1, 1])
        loss = functional.cross_entropy(logits, labels)
    else:
        labels = torch.rand(4, 3).round()
        loss = functional.binary_cross_entropy_with_logits(logits, labels)
    outputs = {"logits": logits, "decoder.logits": logits[:, None], **with_gradients(weights, loss)}
    folder = write(tmp_path / "case", config, named, inputs | {"labels": labels}, outputs)
    verdicts = check_case(read_case(folder))
    assert [v for v in verdicts if v.verdict == "fail"] == []
    assert {verdict.tensor for verdict in verdicts if verdict.verdict == "pass"} == set(outputs)
