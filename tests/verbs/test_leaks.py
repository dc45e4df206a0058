"""A label is never a feature, and columns that may not be features are named."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sma_core
from sma_core.errors import ConfigError
from sma_core.labels.learnable import _by_intervals

FEW = {"training.steps": 4, "masking.keys_per_query": 1.0}


@pytest.fixture
def events(numbers, tmp_path):
    """Return a file of events with a label, a weight and a number of each event."""
    draw = np.random.default_rng(0)
    label = draw.integers(0, 2, 200)
    columns = {
        "pt": draw.exponential(40.0, 200) * (1 + label),
        "eta": draw.normal(size=200),
        "weight": draw.uniform(size=200),
        "event_id": 5_000_000_000 + np.arange(200),
        "y": label,
    }
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    file = tmp_path / "events.csv"
    file.write_text("\n".join(rows) + "\n")
    return str(file)


def features(run):
    return json.loads((run / "model.json").read_text())["scale"]["columns"]


def test_pre_training_names_columns_that_may_not_be_features(numbers, events, tmp_path, run_sma):
    given = ["train", "--domain", numbers, "--data", events, "--set", "training.steps=4"]
    done = run_sma(*given, "--out", "all")
    assert done.returncode == 0, done.stderr
    named = "warning: features named like labels, weights or identifiers, or not at all: weight, event_id, y;"
    assert named in done.stdout
    without = run_sma(*given, "--exclude", "y,weight,event_id", "--out", "some")
    assert without.returncode == 0, without.stderr
    assert "warning: features" not in without.stdout
    assert features(tmp_path / "some") == ["pt", "eta"]
    chosen = run_sma(*given, "--set", 'data.columns=["pt","y"]', "--out", "named")
    assert "warning: features" not in chosen.stdout


def test_a_model_that_read_the_label_cannot_learn_it(numbers, events, tmp_path):
    run = sma_core.train(numbers, data=events, settings=FEW, out=tmp_path / "run").run
    with pytest.raises(ConfigError, match=r"'y': a target is also a feature.*do so again with `data.exclude=y`"):
        sma_core.finetune(model=run, data=events, settings={"targets": ["y"]}, out=tmp_path / "tuned")
    assert not (tmp_path / "tuned").exists()


def test_a_target_among_the_named_columns_is_refused(numbers, events, tmp_path):
    settings = {"targets": ["y"], "data.columns": ["pt", "eta", "y"]}
    with pytest.raises(ConfigError, match=r"'y': a target is also a feature.*leave it out of data.columns"):
        sma_core.finetune(numbers, data=events, settings=settings, out=tmp_path / "run")


def test_a_model_without_the_label_learns_it_and_leaves_out_what_was_excluded(numbers, events, tmp_path):
    few = {**FEW, "data.exclude": ["y", "weight", "event_id"]}
    run = sma_core.train(numbers, data=events, settings=few, out=tmp_path / "run").run
    settings = {"targets": ["y"], "training.epochs": 1.0}
    tuned = sma_core.finetune(model=run, data=events, settings=settings, out=tmp_path / "tuned")
    assert features(tuned.run) == ["pt", "eta"]
    settings["data.exclude"] = ["weight", "event_id"]
    fresh = sma_core.finetune(numbers, data=events, settings=settings, out=tmp_path / "fresh")
    assert features(fresh.run) == ["pt", "eta"]
    assert not any("features named like" in sentence for sentence in fresh.warnings)


def test_columns_that_tell_nothing_are_named_in_the_results_and_the_card(numbers, tmp_path):
    draw = np.random.default_rng(1)
    rows = [f"{a},{a},7,{int(a > 0)}" for a in draw.normal(size=120)]
    (tmp_path / "in.csv").write_text("a,b,c,label\n" + "\n".join(rows) + "\n")
    settings = {"targets": ["label"], "training.epochs": 1.0}
    result = sma_core.finetune(numbers, data=str(tmp_path / "in.csv"), settings=settings, out=tmp_path / "run")
    card = (result.run / "README.md").read_text()
    for named in ("the same value in all training rows: c", "another feature in all training rows: b (as a)"):
        assert any(named in sentence for sentence in result.warnings)
        assert named in card


def test_a_feature_that_alone_predicts_the_label_is_named(numbers, tmp_path):
    draw = np.random.default_rng(0)
    label = draw.integers(0, 2, 200)
    rows = [f"{a},{a + 1000 * y},{y}" for a, y in zip(draw.normal(size=200), label, strict=True)]
    file = tmp_path / "events.csv"
    file.write_text("pt,told,y\n" + "\n".join(rows) + "\n")
    settings = {"targets": ["y"], "training.epochs": 1.0, "baselines": False}
    result = sma_core.finetune(numbers, data=file, settings=settings, out=tmp_path / "run")
    (said,) = [warning for warning in result.warnings if "almost perfectly" in warning]
    assert said.startswith(
        "features that alone predict a target almost perfectly: 'told' of 'y' (ROC-AUC 1.0000);"
    )
    without = settings | {"data.exclude": ["told"]}
    other = sma_core.finetune(numbers, data=file, settings=without, out=tmp_path / "other")
    assert not any("almost perfectly" in warning for warning in other.warnings)


def test_a_feature_that_alone_predicts_the_class_is_named(numbers, tmp_path):
    draw = np.random.default_rng(0)
    classes = draw.integers(0, 3, 300)
    told = np.array([2, 0, 1])[classes] * 10.0 + draw.normal(size=300)
    rows = [f"{a},{b},{'xyz'[y]}" for a, b, y in zip(draw.normal(size=300), told, classes, strict=True)]
    file = tmp_path / "events.csv"
    file.write_text("pt,told,y\n" + "\n".join(rows) + "\n")
    settings = {"targets": ["y"], "kind": "multiclass", "training.epochs": 1.0, "baselines": False}
    result = sma_core.finetune(numbers, data=file, settings=settings, out=tmp_path / "run")
    (said,) = [warning for warning in result.warnings if "almost perfectly" in warning]
    assert "'told' of 'y' (accuracy 1.0000);" in said


@pytest.mark.parametrize(
    ("values", "classes", "expected"),
    [
        ([0, 0, 1, 1, 2, 2], [1, 1, 0, 0, 2, 2], 1.0),
        ([0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 2, 2], 1.0),
        ([0, 1, 2, 3, 4, 5], [0, 1, 0, 1, 0, 1], 2 / 6),  # five changes, four more than two intervals need
        ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1], 5 / 6),
    ],
)
def test_intervals_of_a_feature_are_scored_by_hand(values, classes, expected):
    assert _by_intervals(np.float32(values), np.float64(classes)) == pytest.approx(expected)
