"""Labels and features that float32 would round, labels beyond its range, and figures far from 1."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import sma_core
from sma_core.cli.output import metric_text
from sma_core.data.scaling import fit_scale
from sma_core.errors import DataError

ROWS = 240


def write(path: Path, labels, features=None) -> np.ndarray:
    """Write rows of two features and a label; return the features."""
    values = np.random.default_rng(5).normal(size=(ROWS, 2)) if features is None else features
    lines = [f"{first},{second},{label}" for (first, second), label in zip(values, labels, strict=True)]
    path.write_text("\n".join(["x,u,label", *lines]))
    return values


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(ROWS, 2))[:, 0]


def tuned(domain, path, out, **settings):
    settings = {
        "targets": ["label"],
        "kind": "regression",
        "training.epochs": 2.0,
        "split.name": "random",
    } | settings
    return sma_core.finetune(domain, data=path, settings=settings, out=out)


def test_labels_with_a_large_offset_are_judged_and_written_as_they_are(numbers, x, tmp_path):
    pytest.importorskip("sma_bench")
    labels = [1_700_000_000 + int(200 * value) for value in x]
    write(tmp_path / "a.csv", labels)
    result = tuned(numbers, tmp_path / "a.csv", tmp_path / "run")
    sma_core.evaluate(result.run, part="all", bootstrap=0, predictions=tmp_path / "e.csv")
    rows = list(csv.DictReader((tmp_path / "e.csv").open()))
    assert [int(row["label:label"]) for row in rows] == labels
    predicted = np.array([float(row["label"]) for row in rows])
    assert len(np.unique(predicted)) > 50  # float32 would have 10
    judged = sma_core.evaluate(result.run, part="all", bootstrap=0).figures["rmse"].value
    assert judged == pytest.approx(np.sqrt(np.mean((predicted - labels) ** 2)), rel=1e-3)
    mean = float(np.mean(labels))
    assert abs(predicted.mean() - mean) < 3 * np.std(labels)


def test_linear_baselines_do_not_round_labels():
    baselines = pytest.importorskip("sma_bench.baselines")
    features = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    labels = (1.7e9 + 200 * features[:, :1].astype(np.float64)).round()
    rows = baselines.BaselineRows(features, labels, "regression", (), np.arange(80), np.arange(80, 100), 0)
    assert np.abs(baselines.fit_linear(features, rows) - labels).max() < 2


@pytest.mark.parametrize("unit", [1e44, 1e-40])
def test_labels_beyond_float32_are_learned(numbers, x, tmp_path, unit, recwarn):
    write(tmp_path / "a.csv", [f"{unit * np.exp(0.3 * value):.6e}" for value in x])
    result = tuned(numbers, tmp_path / "a.csv", tmp_path / "run")
    assert 0 < result.test["rmse"] < 10 * unit
    assert not [warning for warning in recwarn if "overflow" in str(warning.message)]


def test_a_fill_value_among_labels_is_warned_of_and_too_large_ones_are_refused(numbers, x, tmp_path):
    labels = [f"{value}" for value in x]
    write(tmp_path / "a.csv", labels)
    plain = tuned(numbers, tmp_path / "a.csv", tmp_path / "plain")
    assert not [sentence for sentence in plain.warnings if "fill values" in sentence]
    write(tmp_path / "b.csv", ["1e40" if row % 60 == 7 else label for row, label in enumerate(labels)])
    (sentence,) = (s for s in tuned(numbers, tmp_path / "b.csv", tmp_path / "b").warnings if "fill values" in s)
    assert "'label' (up to 1e+40, half of them from" in sentence
    write(tmp_path / "c.csv", [*labels[:-1], "1e200"])
    with pytest.raises(DataError, match=r"'label' has a value of 1e\+200, and at most 1e\+150 can be used"):
        tuned(numbers, tmp_path / "c.csv", tmp_path / "c")


def test_features_that_float32_rounds_are_named():
    steps = np.arange(300.0)
    values = np.stack([1.7e9 + steps, 1e9 + steps / 1000, steps, 1e16 * np.exp(steps / 100)], axis=1)
    values = values.astype(np.float32)
    sentences = fit_scale([values], ("seconds", "offset", "plain", "large")).warnings("count")
    (coarse,) = (sentence for sentence in sentences if "coarse for their differences" in sentence)
    assert ": seconds;" in coarse
    (same,) = (sentence for sentence in sentences if "so that all training rows have the same value" in sentence)
    assert ": offset;" in same
    assert len(sentences) == 2  # values of one magnitude are no fill values


def test_missing_values_are_those_of_the_rows_of_the_fine_tuning(numbers, x, tmp_path):
    gaps = ["" if row % 4 == 0 else f"{value}" for row, value in enumerate(x)]
    full = write(tmp_path / "full.csv", x)
    write(tmp_path / "gap.csv", x, list(zip(full[:, 1], gaps, strict=True)))
    settings = {"training.steps": 2, "data.exclude": "label"}
    for name, other, share in (("full", "gap", "u 25"), ("gap", "full", None)):
        run = sma_core.train(numbers, data=tmp_path / f"{name}.csv", settings=settings, out=tmp_path / name).run
        options = {"targets": ["label"], "kind": "regression", "training.epochs": 1.0, "baselines": False}
        result = sma_core.finetune(
            numbers, model=run, data=tmp_path / f"{other}.csv", settings=options, out=tmp_path / f"{name}-{other}"
        )
        sentences = [sentence for sentence in result.warnings if "missing values" in sentence]
        assert len(sentences) == (share is not None)
        assert share is None or share in sentences[0]


def test_a_feature_named_like_a_weight_is_told_at_fine_tuning_too(numbers, x, tmp_path):
    lines = [f"{a},{b},{b}" for a, b in zip(x, x[::-1], strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["x,weight,label", *lines]))
    settings = {"training.steps": 1, "data.exclude": "label"}
    run = sma_core.train(numbers, data=tmp_path / "a.csv", settings=settings, out=tmp_path / "run").run
    options = {"targets": ["label"], "kind": "regression", "training.epochs": 1.0, "baselines": False}
    result = sma_core.finetune(
        numbers, model=run, data=tmp_path / "a.csv", settings=options, out=tmp_path / "tuned"
    )
    assert any(
        "named like labels, weights or identifiers, or not at all: weight" in sentence
        for sentence in result.warnings
    )


def test_digits_in_groups_are_no_numbers(numbers, tmp_path):
    (tmp_path / "a.csv").write_text("x,u,label\n" + "1,1_0,2\n" + "".join(f"{n},{n},{n}\n" for n in range(60)))
    result = tuned(numbers, tmp_path / "a.csv", tmp_path / "run")
    assert result.rejected == 1
    assert "not a number: u is '1_0'" in (result.run / "rejected.jsonl").read_text()


def test_a_column_may_be_named_inf(numbers, tmp_path):
    (tmp_path / "a.csv").write_text("pt,eta,inf\n" + "".join(f"{n},{n % 7},{n % 3}\n" for n in range(60)))
    run = sma_core.train(
        numbers, data=tmp_path / "a.csv", settings={"training.steps": 1}, out=tmp_path / "run"
    ).run
    assert sma_core.load(run).features == ("pt", "eta", "inf")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.ones((60, 3)), "label": np.zeros(59)}, "'label' has 59 values, but there are 60 rows"),
        ({"x": np.array([np.zeros(2), None], dtype=object)}, "holds Python objects, not numbers; pad rows"),
    ],
)
def test_arrays_that_do_not_fit_are_sentences(numbers, tmp_path, arrays, said):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=said):
        tuned(numbers, tmp_path / "a.npz", tmp_path / "run")


def test_arrays_that_nobody_asks_for_may_have_any_length(numbers, tmp_path):
    names = np.array(["a", "b", "c"])
    values = np.random.default_rng(0).normal(size=(60, 3))
    np.savez(tmp_path / "a.npz", x=values, feature_names=names)
    result = sma_core.train(numbers, data=tmp_path / "a.npz", settings={"training.steps": 1}, out=tmp_path / "run")
    assert result.rows == 60


def test_figures_have_four_digits_where_four_decimals_are_too_few():
    texts = [metric_text(value) for value in (0.0, 0.12345, -1.5, 5.123456e-9, 1.6e36, float("nan"))]
    assert texts == ["0.0000", "0.1235", "-1.5000", "5.123e-09", "1.6e+36", "nan"]


def test_weights_of_rows_turn_the_probe_of_the_recipe_off(tmp_path):
    pytest.importorskip("sma_chem")
    lines = [f"{'C' * (n % 20 + 1)}O,{n % 20},{n % 3 + 1}" for n in range(80)]
    (tmp_path / "a.csv").write_text("\n".join(["smiles,label,w", *lines]))
    settings = {"targets": ["label"], "kind": "regression", "weight": "w", "split.name": "random"}
    settings |= {"training.epochs": 1.0, "baselines": False, "data.normalise": False}
    assert (
        sma_core.finetune("chem", data=tmp_path / "a.csv", settings=settings, out=tmp_path / "run").weight == "w"
    )


def test_areas_beyond_one_are_explained(numbers, x, tmp_path):
    lines = [
        f"{a},{b},{int(a > 0)},{-0.3 if row % 9 == 0 else 1}" for row, (a, b) in enumerate(zip(x, x, strict=True))
    ]
    (tmp_path / "a.csv").write_text("\n".join(["x,u,label,w", *lines]))
    settings = {
        "targets": ["label"],
        "kind": "binary",
        "weight": "w",
        "training.epochs": 3.0,
        "split.name": "random",
    }
    result = sma_core.finetune(numbers, data=tmp_path / "a.csv", settings=settings, out=tmp_path / "run")
    outside = [
        sentence for sentence in result.warnings if "outside 0 to 1: some weights of rows are negative" in sentence
    ]
    assert bool(outside) == any(not 0 <= result.test[name] <= 1 for name in ("roc_auc", "pr_auc"))
