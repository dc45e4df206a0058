"""Fine-tuning keeps the linear probe of its frozen encoder when no epoch is better on validation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import sma_core
from tests.support.runs import weights

STILL = {"training.probe_fallback": True, "training.learning_rate": 1e-12, "training.epochs": 2.0}
LEARNS = {"training.probe_fallback": True, "training.learning_rate": 3e-3, "training.epochs": 12.0}


@pytest.fixture
def pretrained(toy, tmp_path):
    return sma_core.train(toy, settings={"training.steps": 4}, out=tmp_path / "pretrained").run


def test_a_run_that_learns_nothing_is_the_probe_and_says_so(toy, pretrained, run_sma):
    options = [word for item in STILL.items() for word in ("--set", f"{item[0]}={item[1]}".lower())]
    done = run_sma("finetune", "--model", pretrained, *options, "--group", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "at step 0, a linear probe of the encoder: no epoch was better" in done.stdout
    assert "nearly constant" not in done.stdout
    assert "| weights | step 0, with the best validation rmse: a linear probe" in Path("run/README.md").read_text()
    result = json.loads(Path("run/results.json").read_text())
    assert result["test"]["r2"] > 0.1
    scored = json.loads(run_sma("evaluate", "--model", "run", "--bootstrap", 0, "--json").stdout)
    assert scored["figures"]["rmse"]["value"] == pytest.approx(result["test"]["rmse"], rel=1e-4)


@pytest.mark.parametrize("task", ["vowels", "flags", "first"])
def test_it_has_the_figures_of_sma_probe(toy, pretrained, tmp_path, task):
    probe = pytest.importorskip("sma_bench.probe").probe
    expected = probe(model=pretrained, task=task, device="cpu")
    run = sma_core.finetune(model=pretrained, task=task, settings=STILL, out=tmp_path / "run")
    assert run.best_step == 0
    close = 1e-3 if task == "vowels" else 0.1  # logistic regression tries fewer penalties
    assert run.valid[run.metric] == pytest.approx(expected.valid[run.metric], abs=close)


def test_an_epoch_that_is_better_wins_and_is_the_same_as_without_a_probe(toy, pretrained, tmp_path):
    with_probe = sma_core.finetune(model=pretrained, settings=LEARNS, out=tmp_path / "with")
    plain = sma_core.finetune(
        model=pretrained, settings=LEARNS | {"training.probe_fallback": False}, out=tmp_path / "without"
    )
    both = weights(with_probe.run, with_probe.step), weights(plain.run, plain.step)
    assert all(torch.equal(both[0][name], tensor) for name, tensor in both[1].items())
    assert not both[0]["probe.active"]
    assert with_probe.valid["rmse"] <= plain.valid["rmse"] + 1e-6
    if with_probe.best_step:
        assert with_probe.test == plain.test


def test_a_run_stopped_at_the_first_checkpoint_goes_on_to_the_same_weights(toy, pretrained, tmp_path):
    def stop(event):
        if type(event).__name__ == "CheckpointSaved":
            raise KeyboardInterrupt

    whole = sma_core.finetune(model=pretrained, settings=LEARNS, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        sma_core.finetune(model=pretrained, settings=LEARNS, out=tmp_path / "cut", observers=[stop])
    assert [path.name for path in (tmp_path / "cut" / "checkpoints").glob("step-*")] == ["step-00000000"]
    again = sma_core.finetune(resume=tmp_path / "cut")
    assert (again.best_step, again.test) == (whole.best_step, whole.test)
    ours, theirs = weights(again.run, again.step), weights(whole.run, whole.step)
    assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())


def test_predictions_of_a_probe_are_those_that_were_scored(toy, pretrained, tmp_path):
    run = sma_core.finetune(model=pretrained, settings=STILL, out=tmp_path / "run").run
    words = ["banana", "tree", "a", "ooooo"]
    values = sma_core.load(run).predict(words)
    assert np.std(values) > 0.1


def test_labels_of_positions_have_no_probe(toy, pretrained, tmp_path):
    run = sma_core.finetune(model=pretrained, task="marks", settings=STILL, out=tmp_path / "run")
    assert run.best_step > 0
    assert not [name for name in weights(run.run, run.step) if name.startswith("probe.")]


def test_a_probe_that_is_kept_and_nearly_constant_is_not_advised_again(toy, pretrained, tmp_path):
    file = tmp_path / "noise.csv"
    draw = np.random.default_rng(0)
    file.write_text("word,y\n" + "".join(f"{'ab' * (n % 7 + 1)},{draw.random()}\n" for n in range(300)))
    settings = STILL | {"training.learning_rate": 10.0, "targets": ["y"], "baselines": False}
    run = sma_core.finetune(model=pretrained, data=file, settings=settings, out=tmp_path / "noise")
    (sentence,) = [line for line in run.warnings if "nearly constant" in line]
    assert run.best_step == 0
    assert "a linear probe was kept" in sentence
    assert "probe_fallback" not in sentence
