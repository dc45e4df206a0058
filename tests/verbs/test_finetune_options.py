"""Options of fine-tuning: patience, layer-wise decay, class weights, a guessed kind."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import sma_core
from sma_core.cli.finetune import result_lines
from sma_core.config import FinetuneConfig
from sma_core.errors import CheckpointError, ConfigError, StoppedOnRequest
from sma_core.feeds.feed import new_feed
from sma_core.labels.labelled_rows import read_labelled
from sma_core.plugins.events import RunFinished, StepLogged
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, finetune_settings
from tests.support.runs import latest_weights

STANDING_STILL = {"training.learning_rate": 1e-12, "training.epochs": 20.0, "training.patience": 2}


def targets_of(run: Path) -> dict[str, object]:
    return json.loads((run / "model.json").read_text())["targets"]


def test_training_stops_after_so_many_evaluations_without_a_better_figure(toy, tmp_path):
    events = []
    result = sma_core.finetune(toy, settings=STANDING_STILL, out=tmp_path / "run", observers=[events.append])
    assert (result.step, result.best_step, result.stopped_early) == (30, 10, True)
    early = "stopped early at step 30 (epoch 3): validation rmse got no better; kept is step 10 (epoch 1)"
    assert early in result_lines(result)
    assert RunFinished(result.run, 30, stopped=False, early=True) in events
    assert json.loads((result.run / "model.json").read_text())["finished"]
    again = sma_core.finetune(resume=str(result.run))
    assert (again.step, again.test) == (30, result.test)
    longer = sma_core.finetune(resume=str(result.run), settings={"training.patience": 4})
    assert (longer.step, longer.stopped_early) == (50, True)


def test_no_patience_goes_to_the_end(toy, tmp_path):
    settings = STANDING_STILL | {"training.patience": 0, "training.epochs": 5.0}
    result = sma_core.finetune(toy, settings=settings, out=tmp_path / "run")
    assert (result.step, result.stopped_early) == (50, False)


def test_a_run_with_all_options_ends_with_the_same_bits_when_it_was_stopped_between(toy, tmp_path):
    settings = {
        "task": "flags",
        "class_weights": "balanced",
        "model.blocks": 2,
        "training.layer_decay": 0.5,
        "training.learning_rate": 3e-2,
        "training.patience": 2,
        "training.epochs": 30.0,
    }
    whole = sma_core.finetune(toy, settings=settings, out=tmp_path / "whole")
    assert whole.stopped_early
    assert whole.step == whole.best_step + 20
    between = whole.best_step + 14

    def stop(event):
        if isinstance(event, StepLogged) and event.step == between:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(StoppedOnRequest):
        sma_core.finetune(toy, settings=settings, out=tmp_path / "cut", observers=[stop])
    state = tmp_path / "cut" / "checkpoints" / f"step-{between:08d}" / "state.json"
    assert json.loads(state.read_text())["waited"] == 1
    cut = sma_core.finetune(resume=str(tmp_path / "cut"))
    assert (cut.step, cut.best_step, cut.test) == (whole.step, whole.best_step, whole.test)
    first, second = latest_weights(whole.run), latest_weights(cut.run)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert targets_of(whole.run) == targets_of(cut.run)


def test_class_weights_come_from_the_training_labels_alone(toy, tmp_path):
    settings = {"task": "flags", "class_weights": "balanced", "training.epochs": 1.0}
    run = sma_core.finetune(toy, settings=settings, out=tmp_path / "run").run
    registry = Registry.load(toy)
    config = finetune_settings(registry, Request(settings=settings)).config
    rows = read_labelled(registry, config, new_feed(registry, config.data))
    training = rows.labels("train")
    weights = (training == 0).sum(axis=0) / (training == 1).sum(axis=0)
    assert targets_of(run)["positive_weights"] == pytest.approx(weights.tolist())
    together = np.concatenate([rows.labels(part) for part in rows.parts])
    assert weights[0] != (together[:, 0] == 0).sum() / (together[:, 0] == 1).sum()


def test_symbols_are_weighed_by_the_positions_that_count(toy, tmp_path):
    settings = {"task": "marks", "class_weights": "balanced", "training.epochs": 1.0}
    targets = targets_of(sma_core.finetune(toy, settings=settings, out=tmp_path / "run").run)
    registry = Registry.load(toy)
    config = finetune_settings(registry, Request(settings=settings)).config
    known = read_labelled(registry, config, new_feed(registry, config.data)).known_symbols("train")
    counts = np.bincount(known[~np.isnan(known)].astype(int))
    assert targets["classes"] == ["C", "V"]
    assert targets["class_weights"] == pytest.approx((counts.sum() / (2 * counts)).tolist())
    assert "class_weights" not in FinetuneConfig(domain="x").model_dump(exclude_defaults=True)


def test_values_have_no_class_weights(toy, tmp_path):
    with pytest.raises(ConfigError, match="class_weights requires class labels"):
        sma_core.finetune(toy, settings={"class_weights": "balanced"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_program_takes_all_options_and_says_that_the_kind_was_guessed(toy, run_sma, tmp_path):
    from toy_domain.words import make_words

    words = make_words(120, 7)
    file = tmp_path / "mine.csv"
    file.write_text("word,y\n" + "".join(f"{word},{int('ka' in word)}\n" for word in words))
    options = ["--frozen", "--class-weights", "balanced", "--split", "stratified", "--layer-decay", "0.5"]
    own = ["--data", file, "--target", "y", "--set", "training.epochs=1", "--out", "run"]
    done = run_sma("finetune", "--domain", toy, *own, *options, "--patience", "3")
    assert done.returncode == 0, done.stderr
    guess = (
        "the labels are taken as binary, guessed from labels that are all 0 or 1, False or True; --kind changes it"
    )
    assert guess in done.stdout.splitlines()
    assert "split: stratified" in done.stdout.splitlines()
    config = (tmp_path / "run" / "config.toml").read_text()
    for line in ("frozen_encoder = true", 'class_weights = "balanced"', "layer_decay = 0.5", "patience = 3"):
        assert line in config
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    guess = guess.replace("--kind", "`kind`")  # as in Python
    assert (results["kind"], results["kind_guessed"], results["kind_guess"]) == ("binary", True, guess)
    assert guess in (tmp_path / "run" / "README.md").read_text()
    said = run_sma("finetune", "--domain", toy, *own[:-1], "said", "--kind", "binary", "--json")
    assert json.loads(said.stdout)["kind_guessed"] is False


def test_a_run_does_not_go_on_with_other_labels(toy, tmp_path):
    from toy_domain.words import make_words

    def stop(event):
        if isinstance(event, StepLogged) and event.step == 3:
            raise RuntimeError("killed")

    words = make_words(60, 7)
    file = tmp_path / "mine.csv"
    file.write_text("word,y\n" + "".join(f"{word},{len(word)}\n" for word in words))
    with pytest.raises(RuntimeError, match="killed"):
        sma_core.finetune(toy, data=str(file), settings={"targets": ["y"]}, out=tmp_path / "run", observers=[stop])
    file.write_text("word,y\n" + "".join(f"{word},{len(word) + 1}\n" for word in words))
    with pytest.raises(CheckpointError, match=r"mine\.csv differ from those of .*: its data have changed"):
        sma_core.finetune(resume=str(tmp_path / "run"))


def test_nearly_constant_predictions_are_reported_in_output_results_and_card(toy, run_sma):
    still = ("--set", "training.learning_rate=1e-12", "--set", "training.epochs=1", "--no-baselines", "--group")
    done = run_sma("finetune", "--domain", toy, *still, "--out", "still")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    assert line.startswith("warning: test predictions of 'vowels' are nearly constant")
    (sentence,) = json.loads(Path("still/results.json").read_text())["warnings"]
    assert line.removeprefix("warning: ").replace("--set ", "") == sentence
    assert f"**Warning:** {sentence}." in Path("still/README.md").read_text()
    done = run_sma("finetune", "--domain", toy, *still, "--out", "other", "--json")
    assert json.loads(done.stdout)["warnings"] == [sentence]


def test_a_dry_run_reads_the_rows_and_trains_nothing(toy, run_sma, tmp_path):
    options = ("finetune", "--domain", toy, "--set", "training.epochs=2", "--group", "--out", "run")
    planned = run_sma(*options, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert not (tmp_path / "run").exists()
    plan = json.loads(run_sma(*options, "--dry-run", "--json").stdout)
    done = run_sma(*options, "--json")
    assert done.stderr.splitlines()[-1] == "scoring the test rows and the domain's baselines"
    result = json.loads(done.stdout)
    assert plan["rows"] == result["rows"]
    assert plan["steps"] == f"{result['step']:,}"
    assert plan["notes"][-2:] == [f"split: {result['split']}", "head: decoder"]
    assert f"steps: {plan['steps']}" in planned.stdout.splitlines()
    assert f"| parameters | {plan['parameters']:,} |" in (tmp_path / "run" / "README.md").read_text()
