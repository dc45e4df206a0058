"""Gradual unfreezing: which layers train in which epoch, and exact resume."""

from __future__ import annotations

import pytest
import torch

import sma_core
from sma_core.cli.finetune import result_lines
from sma_core.errors import ConfigError, StoppedOnRequest
from tests.support.runs import curve, latest_weights, same, stop_at, weights

GRADUAL = {"training.unfreeze_layers": 1, "training.epochs": 5.0, "training.milestones": [10, 20, 30, 40, 50]}


@pytest.fixture
def pretrained(toy, tmp_path):
    settings = {"training.steps": 4, "model.layers": 2}
    return sma_core.train(toy, settings=settings, out=tmp_path / "pretrained").run


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_each_epoch_trains_one_more_layer(toy, pretrained, tmp_path, optimizer):
    settings = GRADUAL | {"training.optimizer": optimizer}
    run = sma_core.finetune(toy, model=pretrained, settings=settings, out=tmp_path / "run").run
    groups = ["head.", "encoder.layers.1.", "encoder.layers.0.", "encoder.first.", "embed."]
    states = [latest_weights(pretrained), *(weights(run, step) for step in (10, 20, 30, 40, 50))]
    for epoch in range(1, 6):
        earlier, later = states[epoch - 1], states[epoch]
        for number, group in enumerate(groups):
            names = [name for name in later if name.startswith(group) and name in earlier]
            moved = [name for name in names if not torch.equal(earlier[name], later[name])]
            if group == "head." and epoch == 1:
                continue
            assert bool(moved) == (number < epoch), (epoch, group)


def test_more_layers_with_each_epoch_are_said_and_all_train_earlier(toy, pretrained, tmp_path):
    for layers, said in (
        (1, "1 more layer with each epoch, all from epoch 5"),
        (3, "3 more layers with each epoch, all from epoch 3"),
    ):
        settings = {"training.unfreeze_layers": layers, "training.epochs": 1.0}
        result = sma_core.finetune(toy, model=pretrained, settings=settings, out=tmp_path / str(layers))
        assert f"gradual unfreezing: the head alone in epoch 1, then {said}" in result_lines(result)


@pytest.mark.parametrize("step", [14, 20, 27])
def test_a_run_that_was_stopped_ends_with_the_same_bits(toy, pretrained, tmp_path, step):
    settings = GRADUAL | {"training.log_every": 1}
    whole = sma_core.finetune(toy, model=pretrained, settings=settings, out=tmp_path / "whole")
    with pytest.raises(StoppedOnRequest):
        sma_core.finetune(
            toy, model=pretrained, settings=settings, out=tmp_path / "cut", observers=[stop_at(step)]
        )
    cut = sma_core.finetune(resume=str(tmp_path / "cut"))
    assert (cut.valid, cut.test) == (whole.valid, whole.test)
    assert same(latest_weights(whole.run), latest_weights(cut.run))
    assert curve(whole.run) == curve(cut.run)


def test_one_way_to_freeze(toy, pretrained):
    for other in ({"training.frozen_encoder": True}, {"training.lora_rank": 2}):
        with pytest.raises(ConfigError, match="exclude each other: omit one of them"):
            sma_core.finetune(toy, model=pretrained, settings=GRADUAL | other)
