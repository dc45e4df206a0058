"""Plugins' observers watch a run through the hook ``sma_on_event``, and their failure ends none."""

from __future__ import annotations

import sys

import pytest

import sma_core
from sma_core.errors import DataError, PluginError, StoppedOnRequest, UserError
from sma_core.plugins.events import (
    CheckpointSaved,
    Evaluated,
    ResultsWritten,
    RowsRead,
    RunFailed,
    RunFinished,
    RunStarted,
    StepLogged,
)
from sma_core.plugins.hookspecs import hookimpl
from sma_core.training.reporting.metrics_file import MetricsFile, read_metrics
from sma_kit.distributions import write_distribution
from tests.support.runs import stop_at

WATCHER = """
from sma_core.plugins import hookimpl

seen = []

@hookimpl
def sma_on_event(event):
    seen.append(event)
"""
FAILING = """
from sma_core.plugins import hookimpl

calls = []

@hookimpl
def sma_on_event(event):
    print("not on standard output")
    calls.append(event)
    if getattr(event, "step", 0) == 3:
        {failure}
"""
FEW = {"training.steps": 6, "training.log_every": 1, "training.checkpoint_every": 3, "training.evaluate_every": 3}


@pytest.fixture(autouse=True)
def lenient(monkeypatch):
    """What fails is left out, also where tests are run with strict plugins."""
    monkeypatch.delenv("SMA_STRICT_PLUGINS", raising=False)


@pytest.fixture
def extend(toy, tmp_path, monkeypatch):
    """A function that installs a package with the plugin ``toy.watch``, and returns the module's name."""

    def install(source: str) -> str:
        name = f"watch_{tmp_path.name.replace('-', '_')}"
        place = write_distribution(
            tmp_path / "site", "sma-toy-watch", {"toy.watch": name}, {f"{name}.py": source}, "2.1", "Watches."
        )
        monkeypatch.syspath_prepend(place)
        return name

    return install


def test_an_extension_sees_the_whole_run_in_order(toy, extend, tmp_path):
    name = extend(WATCHER)
    run = sma_core.train(toy, settings=FEW, out=tmp_path / "run").run
    seen = sys.modules[name].seen
    kinds = [type(event) for event in seen if not isinstance(event, RowsRead)]
    three = [StepLogged, StepLogged, StepLogged, Evaluated, CheckpointSaved]
    assert kinds == [RunStarted, Evaluated, *three, *three, RunFinished, ResultsWritten]
    assert isinstance(seen[0], RowsRead)
    assert {event.run for event in seen if not isinstance(event, RowsRead)} == {run}
    lines = [line for line in read_metrics(run / "metrics.jsonl") if "loss" in line]
    assert [line["loss"] for line in lines] == [event.loss for event in seen if isinstance(event, StepLogged)]


def test_a_fine_tuning_is_watched_too(toy, extend, tmp_path):
    name = extend(WATCHER)
    sma_core.finetune(toy, settings={"training.epochs": 1.0}, out=tmp_path / "run")
    assert {RunStarted, StepLogged, Evaluated, CheckpointSaved, RunFinished, ResultsWritten} <= {
        type(event) for event in sys.modules[name].seen
    }


def test_the_start_of_a_run_tells_its_domain_verb_and_settings(toy, tmp_path):
    seen = []
    run = sma_core.train(toy, settings=FEW, out=tmp_path / "run", observers=[seen.append]).run
    sma_core.finetune(
        toy, model=run, settings={"training.epochs": 1.0}, out=tmp_path / "b", observers=[seen.append]
    )
    first, second = (event for event in seen if isinstance(event, RunStarted))
    assert (first.domain, first.verb, second.verb) == (toy, "train", "finetune")
    assert first.settings["training.steps"] == FEW["training.steps"]
    assert second.settings["training.epochs"] == 1.0
    assert second.settings["pretrained"] == str(run)


def test_a_failure_is_an_event_before_and_after_the_run_has_a_folder(toy, extend, tmp_path):
    name = extend(WATCHER)
    with pytest.raises(DataError):
        sma_core.train(toy, data=tmp_path / "none.txt", settings=FEW, out=tmp_path / "run")
    failed = sys.modules[name].seen[-1]
    assert (failed.run, failed.error) == (None, "DataError")
    assert "none.txt" in failed.message

    def stop(event):
        if isinstance(event, StepLogged):
            raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        sma_core.train(toy, settings=FEW, out=tmp_path / "run", observers=[stop])
    assert sys.modules[name].seen[-1] == RunFailed(tmp_path / "run", "OSError", "no more")


def test_stopping_on_request_is_no_failure(toy, tmp_path):
    seen = []
    with pytest.raises(StoppedOnRequest):
        sma_core.train(toy, settings=FEW, out=tmp_path / "run", observers=[seen.append, stop_at(2)])
    assert isinstance(seen[-1], RunFinished)
    assert seen[-1].stopped


@pytest.mark.parametrize("failure", ["raise KeyError('colour')", "import sys; sys.exit(3)"])
def test_an_observer_that_fails_is_reported_once_and_training_goes_on(
    toy, extend, tmp_path, caplog, capsys, failure
):
    name = extend(FAILING.format(failure=failure))
    result = sma_core.train(toy, settings=FEW, out=tmp_path / "run")
    assert result.step == 6
    assert sys.modules[name].calls[-1].step == 3
    reports = [record.getMessage() for record in caplog.records if "sma-toy-watch" in record.getMessage()]
    assert len(reports) == 1
    assert "the observer of sma-toy-watch 2.1 failed at step 3: " in reports[0]
    assert "it is removed for the rest of this run, and training continues" in reports[0]
    assert "not on standard output" not in capsys.readouterr().out
    assert {line["step"] for line in read_metrics(tmp_path / "run" / "metrics.jsonl")} == set(range(7))


def test_a_failing_observer_changes_no_weight(toy, extend, tmp_path):
    plain = sma_core.train(toy, settings=FEW, out=tmp_path / "plain").run
    extend(FAILING.format(failure="import torch; torch.manual_seed(1); raise KeyError('colour')"))
    watched = sma_core.train(toy, settings=FEW, out=tmp_path / "watched").run
    names = "checkpoints/step-00000006/model.safetensors"
    assert (plain / names).read_bytes() == (watched / names).read_bytes()


def test_strict_plugins_make_it_an_error_and_the_checkpoint_stays(toy, extend, tmp_path, monkeypatch):
    monkeypatch.setenv("SMA_STRICT_PLUGINS", "1")
    extend(FAILING.format(failure="raise KeyError('colour')"))
    with pytest.raises(PluginError, match=r"the observer of sma-toy-watch 2\.1 failed at step 3: KeyError"):
        sma_core.train(toy, settings=FEW | {"training.steps": 5}, out=tmp_path / "run")
    monkeypatch.delenv("SMA_STRICT_PLUGINS")
    assert sma_core.train(resume=str(tmp_path / "run")).step == 5


def test_a_hook_with_another_argument_leaves_the_extension_out(toy, extend, tmp_path, caplog):
    extend(WATCHER.replace("(event)", "(happening)"))
    sma_core.train(toy, settings=FEW, out=tmp_path / "run")
    assert "plugin 'toy.watch' (sma-toy-watch 2.1) is skipped" in caplog.text


def test_a_function_of_the_program_stops_the_run_with_what_it_raises(toy, tmp_path):
    def refuse(event):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        sma_core.train(toy, settings=FEW, out=tmp_path / "run", observers=[refuse])


class Broken:
    """An observer of a program, with the hook."""

    @hookimpl
    def sma_on_event(self, event):
        raise BrokenPipeError("closed")


def test_an_object_of_the_program_is_left_out_when_it_fails(toy, tmp_path, caplog):
    assert sma_core.train(toy, settings=FEW, out=tmp_path / "run", observers=[Broken()]).step == 6
    assert "the observer Broken failed while reading rows: BrokenPipeError: closed" in caplog.text


def test_no_run_goes_on_without_its_metrics_file(toy, tmp_path, monkeypatch):
    def full(self, values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MetricsFile, "_append", full)
    with pytest.raises(OSError, match="No space left"):
        sma_core.train(toy, settings=FEW, out=tmp_path / "run")


def test_tensorboard_gets_every_figure(toy, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = FEW | {"training.tensorboard": True}
    run = sma_core.train(toy, settings=settings, out=tmp_path / "run").run
    board = EventAccumulator(str(run / "tensorboard"))
    board.Reload()
    written = [(point.step, pytest.approx(point.value, rel=1e-6)) for point in board.Scalars("loss")]
    lines = [line for line in read_metrics(run / "metrics.jsonl") if "loss" in line]
    assert [(line["step"], line["loss"]) for line in lines] == written
    assert [point.step for point in board.Scalars("held_out_loss")] == [0, 3, 6]


def test_tensorboard_that_is_not_installed_is_one_sentence(toy, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"pip install 'sma-core\[tensorboard\]'"):
        sma_core.train(toy, settings=FEW | {"training.tensorboard": True}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
