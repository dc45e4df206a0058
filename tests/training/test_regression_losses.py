"""Losses of a regression by name: their values, their influence on outliers, and what a run says of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

import sma_core
from sma_core.cli.finetune import result_lines
from sma_core.errors import ConfigError
from sma_core.training.finetuning.regression_losses import REGRESSION_LOSSES
from sma_core.training.finetuning.targets import Targets
from tests.support.runs import latest_weights

LABELS = np.array([[1.0, 10.0], [3.0, np.nan], [5.0, 30.0]])
REFERENCES = {
    "squared-error": functional.mse_loss,
    "absolute-error": functional.l1_loss,
    "huber": lambda *pair, reduction: functional.huber_loss(*pair, reduction=reduction, delta=0.4),
}


@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_a_loss_is_that_of_torch_on_standardised_known_labels(name):
    targets = Targets.fit(("a", "b"), "regression", LABELS).with_loss(name, 0.4)
    outputs = torch.tensor([[0.1, -2.0], [0.3, 9.0], [-1.0, 1.2]], requires_grad=True)
    known = ~np.isnan(LABELS)
    scaled = torch.tensor((LABELS - np.nanmean(LABELS, 0)) / np.nanstd(LABELS, 0), dtype=torch.float32)
    expected = REFERENCES[name](outputs[known], scaled[known], reduction="mean")
    loss = targets.loss(outputs, torch.tensor(LABELS))
    assert loss.item() == pytest.approx(expected.item())
    (slope,) = torch.autograd.grad(loss, outputs)
    assert torch.allclose(slope, torch.autograd.grad(expected, outputs)[0])
    assert float(slope[1, 1]) == 0.0


def test_an_outlier_pulls_a_constant_less_with_the_other_losses():
    labels = np.array([[0.0]] * 9 + [[100.0]])
    found = {}
    for name in REGRESSION_LOSSES:
        targets = Targets.fit(("y",), "regression", labels).with_loss(name, 0.2)
        constant = torch.zeros(1, 1, requires_grad=True)
        optimizer = torch.optim.SGD([constant], lr=0.005)
        for _ in range(2500):
            optimizer.zero_grad()
            targets.loss(constant.expand(10, 1), torch.tensor(labels)).backward()
            optimizer.step()
        found[name] = float(targets.predictions(constant.detach())[0, 0])
    assert found["squared-error"] == pytest.approx(10.0, abs=0.1)
    assert found["huber"] == pytest.approx(0.2 * 30.0 / 9, abs=0.02)  # 9 c = delta times the standard deviation
    assert abs(found["absolute-error"]) < 0.15


def test_a_run_records_its_loss_says_it_and_resumes_with_it(toy, tmp_path):
    settings = {"loss": "huber", "huber_delta": 0.5, "training.epochs": 2.0}
    whole = sma_core.finetune(toy, settings=settings, out=tmp_path / "whole")
    said = "loss: huber (delta 0.5) of standardised labels"
    assert said in result_lines(whole)
    assert json.loads((whole.run / "results.json").read_text())["notes"] == [said]
    assert "| loss | huber (delta 0.5) of standardised labels |" in (whole.run / "README.md").read_text()
    recorded = json.loads((whole.run / "model.json").read_text())["targets"]
    assert (recorded["loss_name"], recorded["huber_delta"]) == ("huber", 0.5)
    half = sma_core.finetune(toy, settings=settings | {"training.epochs": 1.0}, out=tmp_path / "half")
    usual = sma_core.finetune(toy, settings={"training.epochs": 1.0}, out=tmp_path / "usual")
    assert (usual.notes, half.step) == ([], usual.step)
    first, second = latest_weights(half.run), latest_weights(usual.run)
    assert not all(torch.equal(first[name], second[name]) for name in first)
    resumed = sma_core.finetune(resume=str(tmp_path / "half"), settings={"training.epochs": 2.0})
    assert resumed.step == whole.step
    with pytest.raises(ConfigError, match=r"'loss' is 'huber' in .* and cannot change"):
        sma_core.finetune(resume=str(tmp_path / "half"), settings={"loss": "absolute-error"})


def test_classes_have_no_such_loss_and_delta_needs_huber(toy, tmp_path):
    with pytest.raises(ConfigError, match="`loss=huber` requires numbers as labels, not labels of kind"):
        sma_core.finetune(toy, settings={"task": "flags", "loss": "huber"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="huber_delta is the parameter of loss=huber"):
        sma_core.finetune(toy, settings={"huber_delta": 2.0})
