"""Low-rank adapters: what they change, what is saved, and exact resume."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from torch import nn

import sma_core
from sma_core.cli.finetune import result_lines
from sma_core.config.finetuning import FinetuneTrainingConfig
from sma_core.errors import ConfigError, StoppedOnRequest
from sma_core.nn.adapters import LowRankLinear
from sma_core.verbs.finetuning_job import freeze
from tests.support.runs import curve, latest_weights, same, stop_at, weights

LORA = {
    "training.lora_rank": 2,
    "training.lora_alpha": 6.0,
    "training.epochs": 2.0,
    "training.learning_rate": 1e-2,
}


@pytest.fixture
def pretrained(toy, tmp_path):
    return sma_core.train(toy, settings={"training.steps": 4}, out=tmp_path / "pretrained").run


def test_a_new_adapter_changes_nothing_and_a_saved_one_is_part_of_the_weight():
    torch.manual_seed(0)
    linear, inputs = nn.Linear(6, 4), torch.randn(3, 6)
    before = linear(inputs)
    adapted = LowRankLinear(linear, rank=2, alpha=6.0)
    assert torch.equal(adapted(inputs), before)
    assert [name for name, value in adapted.named_parameters() if value.requires_grad] == [
        "bias",
        "lora_a",
        "lora_b",
    ]
    nn.init.normal_(adapted.lora_b)
    change = adapted(inputs) - before
    assert torch.allclose(change, 3.0 * inputs @ adapted.lora_a.T @ adapted.lora_b.T, atol=1e-5)
    plain = nn.Linear(6, 4)
    plain.load_state_dict(adapted.state_dict())  # strict: names and shapes are those of a linear map
    assert torch.equal(plain(inputs), adapted(inputs))
    outputs = adapted(inputs)
    adapted.load_state_dict(adapted.state_dict())
    assert torch.equal(adapted(inputs), outputs)
    assert not adapted.lora_b.any()


def test_adapters_are_added_in_full_precision_under_autocast():
    adapted = LowRankLinear(nn.Linear(8, 8), rank=2, alpha=2.0)
    nn.init.normal_(adapted.lora_b)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(adapted.merged(), adapted.state_dict()["weight"])
        assert adapted(torch.ones(1, 8)).dtype == torch.bfloat16


@pytest.mark.parametrize("encoder", ["cross-attention", "self-attention"])
def test_only_projections_of_the_encoder_and_the_head_change_by_a_matrix_of_the_rank(toy, tmp_path, encoder):
    settings = {"training.steps": 4, "model.encoder": encoder}
    start = sma_core.train(toy, settings=settings, out=tmp_path / "pretrained").run
    run = sma_core.finetune(toy, model=start, settings=LORA, out=tmp_path / "run").run
    before, after = latest_weights(start), latest_weights(run)
    shared = [name for name in after if not name.startswith("head.")]
    assert set(shared) <= before.keys()
    changed = {name for name in shared if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("encoder.") and name.endswith(".weight") for name in changed)
    assert {"encoder.first.query.weight", "encoder.layers.0.mlp_out.weight"} <= changed
    for name in changed:
        sizes = torch.linalg.svdvals((after[name] - before[name]).double())
        assert sizes[1] > 0
        assert sizes[2] < 1e-5 * sizes[0]


def test_a_run_serves_all_commands_without_its_pretrained_run(toy, pretrained, tmp_path, run_sma):
    result = sma_core.finetune(toy, model=pretrained, settings=LORA, out=tmp_path / "run")
    shutil.rmtree(pretrained)
    (tmp_path / "words.csv").write_text("word\nkalo\nmira\n")
    predicted = sma_core.evaluate(result.run, bootstrap=0)
    assert predicted.figures["rmse"].value == pytest.approx(result.test["rmse"], rel=1e-6)
    assert run_sma("predict", "--model", "run", "words.csv").returncode == 0
    vectors = tmp_path / "vectors.npy"
    assert run_sma("embed", "--model", "run", "words.csv", "--out", vectors).returncode == 0
    assert np.load(vectors).shape[0] == 2
    assert sma_core.finetune(resume=str(result.run)).test == result.test


@pytest.mark.parametrize("average", [{}, {"training.average_decay": 0.9}])
def test_a_run_that_was_stopped_ends_with_the_same_bits(toy, pretrained, tmp_path, average):
    settings = LORA | average | {"training.log_every": 1, "training.epochs": 3.0}
    whole = sma_core.finetune(toy, model=pretrained, settings=settings, out=tmp_path / "whole")
    with pytest.raises(StoppedOnRequest):
        sma_core.finetune(toy, model=pretrained, settings=settings, out=tmp_path / "cut", observers=[stop_at(14)])
    shutil.rmtree(pretrained)
    cut = sma_core.finetune(resume=str(tmp_path / "cut"))
    assert (cut.step, cut.best_step, cut.valid, cut.test) == (whole.step, whole.best_step, whole.valid, whole.test)
    assert same(latest_weights(whole.run), latest_weights(cut.run))
    assert curve(whole.run) == curve(cut.run)


def test_validation_judges_the_weights_that_are_saved(toy, pretrained, tmp_path):
    result = sma_core.finetune(toy, model=pretrained, settings=LORA, out=tmp_path / "run")
    logged = [
        line["rmse"] for line in curve(result.run) if line.get("step") == result.best_step and "rmse" in line
    ]
    assert logged == [result.valid["rmse"]]


def test_a_run_says_how_many_parameters_train_and_what_is_saved(toy, pretrained, tmp_path):
    started = []
    result = sma_core.finetune(
        toy, model=pretrained, settings=LORA, out=tmp_path / "run", observers=[started.append]
    )
    saved = weights(result.run, result.best_step)
    pairs = [
        value.shape
        for name, value in saved.items()
        if value.ndim == 2 and name.startswith("encoder.") and name != "encoder.latents"
    ]
    head = sum(value.numel() for name, value in saved.items() if name.startswith("head."))
    trained = sum(2 * (rows + columns) for rows, columns in pairs) + head
    total = sum(value.numel() for value in saved.values())
    (note,) = result.notes
    assert f"rank 2, alpha 6, on {len(pairs)} projections" in note
    assert f"{trained:,} of {total:,} parameters; saved as merged weights, " in note
    assert note in result_lines(result)
    assert next(event.parameters for event in started if hasattr(event, "parameters")) == trained
    card = (result.run / "README.md").read_text()
    assert f"| parameters | {total:,} |" in card
    assert "with low-rank adapters of rank 2, merged into the weights" in card


def test_what_adapters_cannot_do_is_refused(toy, pretrained, tmp_path):
    with pytest.raises(ConfigError, match=r"training\.lora_rank adapts a pre-trained model: name one"):
        sma_core.finetune(toy, settings=LORA)
    with pytest.raises(ConfigError, match=r"frozen_encoder and training\.lora_rank exclude each other"):
        sma_core.finetune(toy, model=pretrained, settings=LORA | {"training.frozen_encoder": True})
    with pytest.raises(ConfigError, match=r"lora_alpha needs training\.lora_rank"):
        sma_core.finetune(toy, model=pretrained, settings={"training.lora_alpha": 2.0})
    with pytest.raises(ConfigError, match=r"lora_rank is 5000, but encoder\.\S+ has only \d+ inputs or outputs"):
        sma_core.finetune(toy, model=pretrained, settings=LORA | {"training.lora_rank": 5000}, out=tmp_path / "x")
    with pytest.raises(ConfigError, match=r"lora_rank does not support training\.strategy fsdp"):
        freeze(nn.Module(), FinetuneTrainingConfig(lora_rank=2), "fsdp")
    with pytest.raises(ConfigError, match=r"unfreeze_layers needs a single rank"):
        freeze(nn.Module(), FinetuneTrainingConfig(unfreeze_layers=1), "ddp")
