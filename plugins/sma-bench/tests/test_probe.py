"""`probe`, and the fits behind it."""

from __future__ import annotations

import json
import re
from importlib import import_module

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.preprocessing import StandardScaler

import sma_core
from sma_bench.probe import probe
from sma_bench.probe_models import CHOICES, FeatureSet, fit_probe
from sma_core.errors import CheckpointError, ConfigError, UserError
from tests.support.metrics import core_metrics


def parts(kind: str, seed: int = 0, targets: int = 1) -> list[FeatureSet]:
    """Make three parts of 80, 40 and 40 rows whose labels depend on the first features."""
    draw = np.random.default_rng(seed)
    made = []
    for rows in (80, 40, 40):
        features = draw.normal(size=(rows, 6)) * 10 + 3
        labels = features[:, :targets] + draw.normal(size=(rows, targets))
        if kind != "regression":
            labels = np.digitize(labels, [3.0] if kind != "multiclass" else [-3.0, 9.0]).astype(float)
        labels[0] = np.nan
        made.append(FeatureSet(features, labels))
    return made


@pytest.mark.parametrize("name", ["linear", "knn"])
@pytest.mark.parametrize(
    ("kind", "targets", "metric", "least"),
    [
        ("regression", 2, "r2", 0.5),
        ("binary", 1, "roc_auc", 0.9),
        ("multilabel", 2, "roc_auc", 0.9),
        ("multiclass", 1, "accuracy", 0.6),
    ],
)
def test_probes_find_what_is_in_the_features(name, kind, targets, metric, least):
    classes, metrics = 3 if kind == "multiclass" else 0, core_metrics(kind)
    found = fit_probe(name, metrics, metrics.find(metric, classes), classes, *parts(kind, 0, targets))
    assert found.test[metric] > least
    assert found.chosen in CHOICES[name]


def test_the_penalty_is_the_one_that_is_best_on_validation():
    metrics = core_metrics("regression")
    train, valid, test = parts("regression")
    found = fit_probe("linear", metrics, metrics.find("rmse"), 0, train, valid, test)
    scaler = StandardScaler().fit(train.features)
    errors = {}
    for penalty in CHOICES["linear"]:
        model = Ridge(alpha=penalty).fit(scaler.transform(train.features)[1:], train.labels[1:, 0])
        predicted = model.predict(scaler.transform(valid.features)[1:])
        errors[penalty] = root_mean_squared_error(valid.labels[1:, 0], predicted)
    assert found.chosen == min(errors, key=errors.get)
    assert found.valid["rmse"] == pytest.approx(min(errors.values()))


def test_the_scale_of_the_features_is_that_of_training_and_does_not_matter():
    metrics = core_metrics("regression")
    plain = parts("regression")
    scaled = [FeatureSet(part.features * np.array([1, 9, 0.1, 3, 5, 7]) - 50, part.labels) for part in plain]
    first, second = (fit_probe("knn", metrics, metrics.find("rmse"), 0, *each) for each in (plain, scaled))
    assert first.test["rmse"] == pytest.approx(second.test["rmse"])


def test_a_target_of_one_class_in_training_is_no_obstacle():
    metrics = core_metrics("multilabel")
    train, valid, test = parts("multilabel", targets=2)
    train.labels[:, 1] = 1.0
    found = fit_probe("linear", metrics, metrics.find("roc_auc"), 0, train, valid, test)
    assert 0.7 < found.test["roc_auc"] < 0.8  # the mean of a good one and of 0.5


@pytest.fixture
def pretrained(toy, shared):
    run = shared / "pretrained"
    return run if run.exists() else sma_core.train(toy, settings={"training.steps": 100}, out=run).run


def test_a_run_is_probed_with_the_rows_and_the_split_of_finetune(pretrained, tmp_path):
    result = probe(model=pretrained, task="vowels")
    assert (result.task, result.kind, result.metric, result.split) == (
        "toy:vowels", "regression", "rmse", "random",
    )  # fmt: skip
    assert result.rows == {"train": 160, "valid": 20, "test": 20}
    assert result.test["r2"] > 0.3
    assert (result.layer, result.features) == (2, 16)
    again = probe(model=pretrained, task="vowels", out=tmp_path / "out.json")
    assert again.test == result.test
    with pytest.raises(UserError, match="exists already"):
        probe(model=pretrained, task="vowels", out=tmp_path / "out.json")
    probe(model=pretrained, task="vowels", out=tmp_path / "out.json", force=True)
    settings = tmp_path / "settings.json"
    settings.write_text("")
    with pytest.raises(UserError, match="is both input and output"):
        probe(model=pretrained, task="vowels", config=settings, out=settings, force=True)


def test_features_are_those_of_embed(pretrained, monkeypatch):
    from toy_domain.words import make_words

    module = import_module("sma_bench.probe")
    seen = []
    original = module.fit_probe

    def spy(*arguments):
        seen.extend(arguments[4:])
        return original(*arguments)

    monkeypatch.setattr(module, "fit_probe", spy)
    probe(model=pretrained, task="vowels", layer=1)
    words = make_words(200, 2)  # as the task has them
    vectors = sma_core.load(pretrained).embed(words, layer=1)
    counted = np.array([sum(word.count(letter) for letter in "aeiou") for word in words])
    for part in seen:
        apart = np.abs(part.features[:, None] - vectors[None]).max(axis=2)  # (rows of the part, words)
        assert apart.min(axis=1).max() < 1e-5
        assert np.array_equal(counted[apart.argmin(axis=1)], part.labels[:, 0])


def test_random_weights_take_the_shape_of_the_run_or_of_the_recipe(pretrained, toy):
    shaped = probe(model=pretrained, random_weights=True, task="vowels")
    fresh = probe(toy, random_weights=True, task="vowels")
    assert shaped.model is None
    assert shaped.test == fresh.test
    assert shaped.test != probe(model=pretrained, task="vowels").test
    other = probe(toy, random_weights=True, task="vowels", settings={"training.seed": 1})
    assert other.test != fresh.test


@pytest.mark.parametrize(("task", "metric"), [("first", "accuracy"), ("flags", "roc_auc")])
def test_classes_and_missing_labels_are_probed_too(pretrained, task, metric):
    result = probe(model=pretrained, task=task, probe="knn", layer=0)
    assert result.metric == metric
    assert 0.0 <= result.test[metric] <= 1.0


def test_numbers_are_probed_with_the_scale_of_the_run_or_of_the_training_rows(numbers, tmp_path):
    run = sma_core.train(numbers, settings={"training.steps": 2}, out=tmp_path / "run").run
    assert probe(model=run, task="volume").test["r2"] > 0.3
    assert probe(numbers, random_weights=True, task="volume").test["r2"] > 0.3


@pytest.mark.parametrize(
    ("wish", "error", "sentence"),
    [
        ({"task": "marks", "layer": 1}, UserError, "the decoder of .*, which reads only the last layer: omit"),
        ({"task": "vowels", "layer": 5}, UserError, "has layers 0 to 2, not 5"),
        ({"data": "nowhere.csv", "settings": {"targets": ["y"]}}, UserError, "no file nowhere.csv"),
        ({"domain": "toy-numbers"}, UserError, "trained on the domain 'toy', not 'toy-numbers'"),
    ],
)
def test_wrong_wishes_get_a_sentence(pretrained, wish, error, sentence):
    with pytest.raises(error, match=sentence):
        probe(model=pretrained, **wish)


def test_a_probe_needs_a_pretrained_run_or_random_weights(toy, tmp_path):
    tuned = sma_core.finetune(toy, settings={"training.epochs": 1.0}, out=tmp_path / "tuned").run
    with pytest.raises(CheckpointError, match="a probe looks at a run of sma train"):
        probe(model=tuned)
    with pytest.raises(UserError, match="or `random_weights`"):
        probe(toy)


def test_the_program_prints_figures_or_json(pretrained, run_sma):
    done = run_sma("probe", "--model", pretrained, "--task", "vowels", "--probe", "knn", "--layer", "1")
    assert done.returncode == 0, done.stderr
    assert "knn probe on toy:vowels (regression): 160 train, 20 valid, 20 test" in done.stdout
    assert "with neighbours" in done.stdout
    assert re.search(r"^test rmse \d+\.\d{4} \[\d+\.\d{4}, \d+\.\d{4}\]", done.stdout, re.MULTILINE)
    shown = run_sma("probe", "--domain", "toy", "--random-weights", "--task", "vowels", "--json")
    assert json.loads(shown.stdout)["chosen"] in CHOICES["linear"]


def test_the_result_is_written_as_the_results_of_a_fine_tuning(toy, tmp_path, run_sma):
    file = tmp_path / "new" / "results.json"
    shown = run_sma("probe", "--domain", "toy", "--random-weights", "--task", "vowels", "--json", "--out", file)
    assert shown.returncode == 0, shown.stderr
    written = json.loads(file.read_text())
    assert written["test"] == json.loads(shown.stdout)["test"]
    assert {"metric", "valid", "test", "rows", "split", "seconds"} <= set(written)


def test_intervals_contain_the_figures_and_folds_can_be_chosen(toy, pretrained, run_sma):
    result = probe(model=pretrained, task="vowels")
    assert result.intervals.keys() == result.test.keys()
    assert all(
        result.intervals[name].low <= value <= result.intervals[name].high for name, value in result.test.items()
    )
    assert probe(model=pretrained, task="vowels", bootstrap=0).intervals == {}
    fold = ("--task", "vowels", "--split", "k-fold", "--folds", "4", "--fold", "2", "--bootstrap", "10", "--json")
    shown = json.loads(run_sma("probe", "--model", pretrained, *fold).stdout)
    assert (shown["split"], shown["rows"]["test"]) == ("k-fold, fold 2 of 4", 50)
    assert len(shown["intervals"]["rmse"]) == 2
    with pytest.raises(ConfigError, match=r"scored on test rows: leave split\.test above 0"):
        probe(model=pretrained, task="vowels", settings={"split.test": 0.0})


def test_own_files_are_probed_as_they_are_fine_tuned_and_warnings_are_told(toy, pretrained, tmp_path, run_sma):
    labels = ["inactive", "active", "active"] * 20
    rows = [f"{word};{label};0" for word, label in zip(["kato", "mire"] * 30, labels, strict=True)]
    (tmp_path / "own.csv").write_text("\n".join(["word;y;z", *rows]) + "\n")
    own = ("--data", "own.csv", "--target", "y", "--delimiter", ";", "--bootstrap", "10")
    done = run_sma("probe", "--model", pretrained, *own)
    assert done.returncode == 0, done.stderr
    assert "the labels are taken as binary, guessed from" in done.stdout
    assert "of which 'active' is the positive class; --kind or --positive changes it" in done.stdout
    assert "6 of 6 test rows are equal to a training row" in done.stdout
    assert "keep equal rows together with --group" in done.stdout
    shown = json.loads(run_sma("probe", "--model", pretrained, *own, "--json").stdout)
    assert shown["kind_guess"].startswith("the labels are taken as binary")
    assert len(shown["warnings"]) == 1
    shown = json.loads(run_sma("probe", "--model", pretrained, *own, "--json", "--positive", "inactive").stdout)
    assert shown["kind_guess"] == ""
    done = run_sma("probe", "--model", pretrained, *own, "--group")
    assert (done.returncode, "rows" in done.stderr) == (2, True)


def test_a_checkpoint_of_the_run_can_be_probed(toy, tmp_path):
    settings = {
        "training.steps": 4,
        "training.batch_size": 4,
        "training.milestones": [1],
        "training.warmup_steps": 0,
    }
    run = sma_core.train(toy, settings=settings, out=tmp_path / "run").run
    early, last = probe(model=run, task="vowels", step=1), probe(model=run, task="vowels")
    assert early.test != last.test
    with pytest.raises(CheckpointError, match="no checkpoint of step 3"):
        probe(model=run, task="vowels", step=3)
    with pytest.raises(UserError, match="random weights have no checkpoints"):
        probe(toy, random_weights=True, task="vowels", step=1)


def test_sequences_of_vectors_are_probed_with_random_weights(numbers, tmp_path):
    draw = np.random.default_rng(0)
    kinds = draw.integers(0, 2, 60)
    rows = draw.normal(size=(60, 5, 3)) + kinds[:, None, None] * 3
    np.savez(tmp_path / "a.npz", rows=rows.astype(np.float32), kind=kinds)
    settings = {"targets": ["kind"]}
    result = probe(numbers, data=tmp_path / "a.npz", settings=settings, random_weights=True, bootstrap=0)
    assert result.test["roc_auc"] > 0.9
