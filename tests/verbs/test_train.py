"""`sma_core.train` from data to a run folder, and going on where it stopped."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import sma_core
from sma_core.errors import CheckpointError, ConfigError, StoppedOnRequest, UserError
from sma_core.plugins.events import CheckpointSaved, RunStarted, StepLogged
from sma_core.runs.run_folder import RunFolder
from sma_core.training.reporting.metrics_file import read_metrics
from sma_core.verbs.train import plan_training
from tests.support.runs import same, stop_at, weights


def curve(run: Path, name: str = "loss") -> dict[int, float]:
    return {line["step"]: line[name] for line in read_metrics(run / "metrics.jsonl") if name in line}


class CrashAt:
    """An observer that ends the run as a kill would: nothing more is saved."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self, event: object) -> None:
        if isinstance(event, StepLogged) and event.step == self.step:
            raise RuntimeError("killed")


def kept(starts: list[RunStarted]) -> Callable[[object], None]:
    """Return an observer that keeps where a run starts."""
    return lambda event: starts.append(event) if isinstance(event, RunStarted) else None


def test_train_writes_a_run_folder_with_a_falling_held_out_loss(toy, tmp_path):
    result = sma_core.train(toy, settings={"training.steps": 60}, out=tmp_path / "run")
    assert result.step == 60
    assert result.held_out_last < result.held_out_first - 0.5
    names = {path.name for path in result.run.iterdir()}
    assert {"config.toml", "environment.json", "model.json", "metrics.jsonl", "rejected.jsonl"} <= names
    assert json.loads((result.run / "model.json").read_text())["finished"] is True
    assert set(curve(result.run)) == set(range(1, 61))
    assert curve(result.run, "held_out_loss")[60] == result.held_out_last


def test_equal_seeds_give_equal_weights_and_other_seeds_others(toy, tmp_path):
    runs = [
        sma_core.train(toy, settings={"training.seed": seed}, out=tmp_path / str(number)).run
        for number, seed in enumerate((3, 3, 4))
    ]
    assert same(weights(runs[0], 12), weights(runs[1], 12))
    assert not same(weights(runs[0], 12), weights(runs[2], 12))


PACKINGS = [{"data.packing": "concat"}, {"data.packing": "successors"}]


@pytest.mark.parametrize("extra", [{}, {"training.accumulate": 2}, *PACKINGS])
@pytest.mark.parametrize("stop", [1, 6, 11])
def test_a_run_stopped_by_ctrl_c_and_resumed_ends_with_the_same_bits(toy, tmp_path, stop, extra):
    whole = sma_core.train(toy, settings=extra, out=tmp_path / "whole").run
    with pytest.raises(StoppedOnRequest, match=f"step {stop} of 12"):
        sma_core.train(toy, settings=extra, out=tmp_path / "cut", observers=[stop_at(stop, signal.SIGINT)])
    assert (tmp_path / "cut" / "checkpoints" / f"step-{stop:08d}").is_dir()
    cut = sma_core.train(resume=str(tmp_path / "cut")).run
    assert same(weights(whole, 12), weights(cut, 12))
    assert curve(whole) == curve(cut)
    assert curve(whole, "held_out_loss") == curve(cut, "held_out_loss")


def test_a_killed_run_goes_on_from_its_last_checkpoint_as_if_nothing_had_happened(toy, tmp_path):
    whole = sma_core.train(toy, out=tmp_path / "whole").run
    with pytest.raises(RuntimeError, match="killed"):
        sma_core.train(toy, out=tmp_path / "cut", observers=[CrashAt(7)])
    assert max(curve(tmp_path / "cut")) == 7
    starts = []
    cut = sma_core.train(
        toy,
        out=tmp_path / "cut",
        resume="auto",
        observers=[kept(starts)],
    ).run
    assert starts[0].step == 4
    assert same(weights(whole, 12), weights(cut, 12))
    assert curve(whole) == curve(cut)


def test_a_log_window_that_a_checkpoint_cuts_keeps_its_mean(toy, tmp_path):
    settings = {"training.log_every": 3}
    whole = sma_core.train(toy, settings=settings, out=tmp_path / "whole").run
    with pytest.raises(StoppedOnRequest):
        sma_core.train(
            toy,
            settings=settings,
            out=tmp_path / "cut",
            observers=[lambda e: signal.raise_signal(signal.SIGTERM) if isinstance(e, CheckpointSaved) else None],
        )
    assert curve(whole) == curve(sma_core.train(resume=str(tmp_path / "cut")).run)


def test_a_run_killed_before_its_first_checkpoint_begins_again_in_its_folder(toy, tmp_path):
    whole = sma_core.train(toy, out=tmp_path / "whole").run
    with pytest.raises(RuntimeError, match="killed"):
        sma_core.train(toy, out=tmp_path / "cut", observers=[CrashAt(2)])
    cut = sma_core.train(toy, out=tmp_path / "cut", resume="auto").run
    assert same(weights(whole, 12), weights(cut, 12))
    assert curve(whole) == curve(cut)


def test_resume_auto_takes_the_newest_unfinished_run_or_begins_anew(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finished = sma_core.train(toy, resume="auto").run
    with pytest.raises(StoppedOnRequest):
        sma_core.train(toy, observers=[stop_at(5, signal.SIGINT)])
    again = sma_core.train(toy, resume="auto").run
    assert again != finished
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_the_same_command_with_resume_auto_begins_then_goes_on(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = {"data": "words", "recipe": "tiny", "settings": {"training.seed": 2}, "resume": "auto"}
    with pytest.raises(StoppedOnRequest):
        sma_core.train(toy, **command, observers=[stop_at(5, signal.SIGINT)])
    starts = []
    sma_core.train(toy, **command, observers=[kept(starts)])
    assert starts[0].step == 5


def test_resume_auto_leaves_a_run_with_other_settings_alone(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoppedOnRequest):
        sma_core.train(toy, observers=[stop_at(5, signal.SIGINT)])
    starts = []
    sma_core.train(toy, settings={"model.layers": 1}, resume="auto", observers=[kept(starts)])
    assert starts[0].step == 0
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(toy, tmp_path, caplog):
    with pytest.raises(StoppedOnRequest):
        sma_core.train(toy, out=tmp_path / "run", observers=[stop_at(9, signal.SIGINT)])
    broken = tmp_path / "run" / "checkpoints" / "step-00000009" / "model.safetensors"
    content = bytearray(broken.read_bytes())
    content[-1] ^= 1
    broken.write_bytes(bytes(content))
    starts = []
    sma_core.train(resume=str(tmp_path / "run"), observers=[kept(starts)])
    assert "step-00000009 is damaged: model.safetensors" in caplog.text
    assert starts[0].step == 8
    assert not (tmp_path / "run" / "checkpoints" / "step-00000009").exists()


def test_the_last_checkpoints_and_the_best_are_kept(toy, tmp_path):
    settings = {"training.steps": 20, "training.checkpoint_every": 2, "training.keep_last": 2}
    run = sma_core.train(toy, settings=settings, out=tmp_path / "run").run
    kept = sorted(path.name for path in (run / "checkpoints").glob("step-*"))
    best = json.loads((run / "checkpoints" / kept[-1] / "state.json").read_text())["best_step"]
    losses = curve(run, "held_out_random_loss")
    saved = {step: losses[step] for step in range(2, 21, 2)}
    assert best == min(saved, key=saved.get)
    assert kept == sorted({f"step-{best:08d}", "step-00000018", "step-00000020"})
    assert (run / "checkpoints" / "latest").read_text() == "step-00000020\n"


def test_more_steps_may_be_asked_for_when_going_on_but_not_another_model(toy, tmp_path):
    run = sma_core.train(toy, out=tmp_path / "run").run
    with pytest.raises(ConfigError, match=r"'model.layers' is 2 in .* and cannot change"):
        sma_core.train(resume=str(run), settings={"model.layers": 3})
    assert sma_core.train(resume=str(run), settings={"training.steps": 15}).step == 15


def test_an_occupied_folder_is_refused_and_left_alone(toy, tmp_path):
    run = sma_core.train(toy, out=tmp_path / "run").run
    before = (run / "metrics.jsonl").read_bytes()
    with pytest.raises(UserError, match="already exists and is not empty"):
        sma_core.train(toy, out=run)
    assert (run / "metrics.jsonl").read_bytes() == before


def test_resume_refuses_a_folder_that_is_no_run(toy, tmp_path):
    with pytest.raises(CheckpointError, match="there is no such folder"):
        sma_core.train(resume=str(tmp_path / "nothing"))


def test_a_setting_that_draws_every_latent_gets_a_warning(toy, tmp_path, caplog):
    sma_core.train(toy, settings={"masking.keys_per_query": 0.5, "training.steps": 1}, out=tmp_path / "run")
    assert "draws all 8 latents" in caplog.text


def test_guided_and_random_masking_are_one_setting_apart(toy, tmp_path):
    guided = sma_core.train(toy, out=tmp_path / "guided").run
    random = sma_core.train(toy, settings={"masking.strategy": "random"}, out=tmp_path / "random").run
    assert not same(weights(guided, 12), weights(random, 12))
    own, fixed = "held_out_loss", "held_out_random_loss"
    assert curve(random, own) == curve(random, fixed)
    assert curve(guided, own) != curve(guided, fixed)
    assert curve(guided, fixed)[0] == curve(random, fixed)[0]


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_checkpoint(toy, tmp_path):
    settings = {"training.learning_rate": 9e15, "training.warmup_steps": 8, "training.clip_norm": "none"}
    settings["training.max_skipped_steps"] = 3
    with pytest.raises(UserError, match=r"not finite in \d+ consecutive steps, up to step \d+;"):
        sma_core.train(toy, settings=settings, out=tmp_path / "run")


def test_bf16_training_learns_as_well(toy, tmp_path):
    settings = {"training.steps": 60, "training.precision": "bf16"}
    result = sma_core.train(toy, settings=settings, out=tmp_path / "run")
    assert result.held_out_last < result.held_out_first - 0.5


def test_a_run_may_go_on_in_other_arithmetic_which_is_kept(toy, tmp_path):
    settings = {"training.steps": 4, "training.precision": "bf16"}
    run = sma_core.train(toy, settings=settings, out=tmp_path / "run").run
    assert RunFolder.open(run).config()["training"]["precision"] == "bf16"
    sma_core.train(resume=str(run), settings={"training.steps": 6, "training.precision": "fp32"})
    assert RunFolder.open(run).config()["training"]["precision"] == "fp32"
    assert weights(run, 6)


def test_a_dry_run_counts_without_writing(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = plan_training(toy, settings={"training.epochs": 3.0})
    run = sma_core.train(toy, out=tmp_path / "run").run
    assert plan.parameters == sum(tensor.numel() for tensor in weights(run, 12).values())
    assert plan.steps.startswith("3 epochs")
    assert not (tmp_path / "runs").exists()


def test_training_leaves_torchs_random_state_as_it_was(toy, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    sma_core.train(toy, out=tmp_path / "run")
    assert torch.equal(torch.rand(3), expected)


def test_training_works_outside_the_main_thread(toy, tmp_path):
    done = []
    thread = threading.Thread(target=lambda: done.append(sma_core.train(toy, out=tmp_path / "run").step))
    thread.start()
    thread.join(60)
    assert done == [12]


def test_milestones_are_kept_and_can_be_loaded(toy, tmp_path):
    settings = {
        "training.steps": 6,
        "training.batch_size": 4,
        "training.keep_last": 1,
        "training.checkpoint_every": 3,
        "training.milestones": [1, 2, 4],
        "training.warmup_steps": 0,
    }
    run = sma_core.train(toy, settings=settings, out=tmp_path / "run").run
    kept = RunFolder(run).checkpoints.steps()
    assert {1, 2, 4, 6} <= set(kept)
    early, last = sma_core.load(run, step=1), sma_core.load(run)
    assert same(dict(early.module.state_dict()), weights(run, 1))
    assert not same(dict(early.module.state_dict()), dict(last.module.state_dict()))
    with pytest.raises(CheckpointError, match="has no checkpoint of step 5; it has: 1, 2, "):
        sma_core.load(run, step=5)
