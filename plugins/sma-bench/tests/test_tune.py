"""The search of settings by validation rows."""

from __future__ import annotations

import json

import pytest

import sma_core
from sma_bench.members import tune as tune_module
from sma_bench.members.search_space import DEFAULT, parse_space
from sma_bench.members.trials import Search, SearchTrial
from sma_core.errors import CheckpointError, UserError

pytest.importorskip("optuna")
from sma_bench.members.tune import SAME, Stopped, tune

FEW = {"training.epochs": 2.0}
RATES = ("training.learning_rate=1e-5..1e-1",)


def test_ranges_and_choices():
    space = parse_space(("a.b=1e-5..1e-3", "c.d=0.5..1.0", "e.f=2..40", "g.h=true,false", "i.j=x,y", "k.l=3..9"))
    rate, share, steps, flag, name, few = space.values()
    assert (rate.low, rate.high, rate.log) == (1e-5, 1e-3, True)
    assert (share.log, steps.log, few.log) == (False, True, False)
    assert (steps.low, steps.high, type(steps).__name__) == (2, 40, "IntDistribution")
    assert (flag.choices, name.choices) == ((True, False), ("x", "y"))
    assert set(parse_space(DEFAULT)) == {"training.learning_rate", "training.layer_decay", "training.batch_size"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("training.epochs", "NAME=LOW..HIGH or NAME=A,B,C"),
        ("training.epochs=3", "two or more different choices"),
        ("training.epochs=3,3", "two or more different choices"),
        ("training.epochs=a..3", "two numbers around"),
        ("training.epochs=3..3", "the first number must be below the second"),
    ],
)
def test_a_range_that_is_none(text, said):
    with pytest.raises(UserError, match=said):
        parse_space((text,))


@pytest.fixture
def found(toy, tmp_path):
    return tune(toy, trials=4, search=RATES, settings=FEW, out=tmp_path / "search")


def test_the_best_trial_by_validation_is_scored_on_the_test_and_no_other(found):
    values = {}
    for trial in found.trials:
        results = json.loads((found.out / trial.name / "results.json").read_text())
        assert results["test"] == {}
        assert results["baselines"] == []
        values[trial.name] = results["valid"][found.metric]
        assert trial.value == values[trial.name]
    assert found.metric == "rmse"
    assert found.value == min(values.values())
    assert found.best == found.out / min(values, key=values.get)
    assert found.test["rmse"].value == pytest.approx(sma_core.evaluate(found.best).figures["rmse"].value)
    assert found.trials[0].settings == {}
    assert found.first == values["trial-001"]
    assert len({trial.settings["training.learning_rate"] for trial in found.trials[1:]}) == 3


def test_a_search_goes_on_in_the_middle_of_a_trial(toy, found, tmp_path, monkeypatch):
    real, calls = tune_module.finetune, []

    def interrupted(*arguments, **named):
        calls.append(named["out"].name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    monkeypatch.setattr(tune_module, "finetune", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tune(toy, trials=4, search=RATES, settings=FEW, out=tmp_path / "again")
    assert json.loads((tmp_path / "again" / "search.json").read_text())["trials"][2]["state"] == "running"
    again = tune(toy, trials=4, search=RATES, settings=FEW, out=tmp_path / "again")
    assert calls == ["trial-001", "trial-002", "trial-003", "trial-003", "trial-004"]
    assert [trial.settings for trial in again.trials] == [trial.settings for trial in found.trials]
    assert again.value == found.value


def test_more_trials_are_added_and_other_searches_refused(toy, found):
    more = tune(toy, trials=5, search=RATES, settings=FEW, out=found.out)
    assert list(more.trials[:4]) == list(found.trials)
    assert len(more.trials) == 5
    with pytest.raises(UserError, match="holds another search"):
        tune(toy, trials=5, search=RATES, settings=FEW | {"training.epochs": 3.0}, out=found.out)
    (found.out / "search.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"search.json is damaged"):
        tune(toy, trials=5, search=RATES, settings=FEW, out=found.out)


def test_a_trial_that_is_worse_than_the_others_is_stopped(toy, tmp_path, monkeypatch):
    state = Search({}, "rmse")
    for number, value in enumerate((1.0, 1.1, 1.2, 1.3, 1.4), start=1):
        settings = {"training.learning_rate": 1e-3 * number}
        state.trials.append(SearchTrial(f"trial-{number:03d}", settings, "finished", value, [value + 1, value]))
    space = parse_space(RATES)
    told = []

    def train(trial, stop):
        stop(1, 9.0)  # the first evaluation stops nothing
        with pytest.raises(Stopped):
            stop(2, 9.0)
        stop(2, None)
        told.append(trial.name)

    tune_module._next_trial(state, tmp_path, space, 0, None, train)
    assert told == ["trial-006"]


def test_stopped_trials_are_not_the_best(toy, tmp_path, monkeypatch):
    def stops_the_second(self):
        return True

    monkeypatch.setattr("optuna.trial.Trial.should_prune", stops_the_second)
    found = tune(toy, trials=3, search=RATES, settings=FEW, out=tmp_path / "search")
    assert [trial.state for trial in found.trials] == ["finished", "stopped", "stopped"]
    assert found.best.name == "trial-001"
    assert len(found.trials[1].values) == 1


def test_what_is_searched_cannot_be_given(toy, tmp_path):
    with pytest.raises(UserError, match=r"training\.learning_rate is both given and searched"):
        tune(toy, search=RATES, settings={"training.learning_rate": 0.1}, out=tmp_path / "search")
    with pytest.raises(UserError, match="must be 2 or more, not 1"):
        tune(toy, trials=1, out=tmp_path / "search")
    assert not (tmp_path / "search").exists()


def test_trials_that_are_all_the_same_are_told(toy, tmp_path):
    pretrained = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "pretrained").run
    settings = FEW | {"training.probe_fallback": True}
    low = ("training.learning_rate=1e-13..1e-12",)
    found = tune(toy, trials=2, search=low, model=pretrained, settings=settings, out=tmp_path / "search")
    assert found.warnings == (SAME,)


def test_the_command(toy, run_sma, tmp_path):
    options = ("--domain", toy, "--set", "training.epochs=1", "--trials", "2", "--out", tmp_path / "search")
    done = run_sma("tune", *options, "--search", "training.layer_decay=0.5..0.9")
    assert done.returncode == 0, done.stderr
    assert "best validation rmse" in done.stdout
    assert "trial-002: training.layer_decay=0." in done.stderr
    assert run_sma("tune", *options, "--search", "training.layer_decay").returncode == 2
