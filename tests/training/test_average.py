"""The average of the weights: what is evaluated and saved, and the same bits on resuming."""

import pytest
import torch
from torch import nn

import sma_core
from sma_core.config import TrainingConfig
from sma_core.errors import ConfigError, StoppedOnRequest
from sma_core.runs.run_folder import RunFolder
from sma_core.training.average import LATEST, WeightAverage
from tests.support.runs import latest_weights, same, stop_at

SETTINGS = {
    "training.steps": 4,
    "training.batch_size": 4,
    "training.checkpoint_every": 4,
    "training.device": "cpu",
    "training.warmup_steps": 0,
    "training.average_decay": 0.2,
}


def test_an_average_follows_the_weights_with_a_rising_decay():
    module = nn.Linear(1, 1, bias=False)
    weight = module.weight.data
    weight.fill_(0.0)
    average = WeightAverage(module, decay=0.25)
    expected = 0.0
    for step, value in enumerate((1.0, 5.0, 2.0), start=1):
        weight.fill_(value)
        average.update(step)
        decay = min(0.25, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert average.module.weight.item() == pytest.approx(expected)
    with average.in_use():
        assert module.weight.item() == pytest.approx(expected)
        assert average.latest_weights()[f"{LATEST}weight"].item() == 2.0
    assert module.weight.item() == 2.0


def test_no_average_unless_asked():
    assert WeightAverage.of(nn.Linear(1, 1), TrainingConfig(steps=1)) is None


@pytest.mark.parametrize("guide", ["model", "average"])
def test_a_run_resumes_bit_for_bit(toy, tmp_path, guide):
    settings = SETTINGS | {"masking.guide": guide}
    whole = sma_core.train(toy, settings=settings, out=tmp_path / "whole").run
    with pytest.raises(StoppedOnRequest):
        sma_core.train(toy, settings=settings, out=tmp_path / "parts", observers=[stop_at(2)])
    resumed = sma_core.train(resume=tmp_path / "parts").run
    assert same(latest_weights(whole), latest_weights(resumed))
    first, second = (RunFolder(run).checkpoints.latest().training() for run in (whole, resumed))
    assert same(first, second)


def test_the_average_does_not_change_training_and_is_what_is_saved(toy, tmp_path):
    averaged = sma_core.train(toy, settings=SETTINGS, out=tmp_path / "averaged").run
    settings = {name: value for name, value in SETTINGS.items() if name != "training.average_decay"}
    plain = sma_core.train(toy, settings=settings, out=tmp_path / "plain").run
    training = RunFolder(averaged).checkpoints.latest().training()
    latest = {name.removeprefix(LATEST): value for name, value in training.items() if name.startswith(LATEST)}
    saved, trained = latest_weights(averaged), latest_weights(plain)
    assert all(torch.equal(latest[name], trained[name]) for name in latest)
    assert not same(saved, trained)
    assert all(torch.allclose(saved[name], trained[name], atol=0.1) for name in saved)


def test_the_average_guides_other_masks_than_the_model(toy, tmp_path):
    runs = [
        sma_core.train(toy, settings=SETTINGS | {"masking.guide": guide}, out=tmp_path / guide).run
        for guide in ("model", "average")
    ]
    assert not same(*map(latest_weights, runs))


def test_guidance_by_an_average_needs_one(toy, tmp_path):
    with pytest.raises(ConfigError, match=r"masking\.guide average needs training\.average_decay"):
        sma_core.train(toy, settings={"masking.guide": "average"}, out=tmp_path / "run")
