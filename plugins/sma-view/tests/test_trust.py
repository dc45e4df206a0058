"""Intervals, calibrated probabilities, familiarity and neighbours."""

from __future__ import annotations

import csv
import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest

import sma_core
from sma_core.errors import CheckpointError, DataError, UserError
from sma_core.models.ensemble import Predictions
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import Binary, Multiclass, MultiLabel, Regression
from sma_view.trust import calibration as calibration_module
from sma_view.trust.calibration import FILE, Calibration
from sma_view.trust.nearest import Library
from sma_view.trust.neighbours import neighbours
from sma_view.trust.temperature import Calibrated

pytest.importorskip("crepes")
from sma_view.trust.intervals import Interval

FEW = {"training.epochs": 2.0, "baselines": False}


def lines_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def with_validation(monkeypatch):
    """Return models whose validation rows have these labels and predictions."""

    def models(targets, labels, predictions):
        labels, predictions = np.array(labels, dtype=float), np.array(predictions, dtype=float)
        known = Calibration(targets, np.arange(len(labels)), labels, predictions)
        monkeypatch.setattr(Calibration, "of", classmethod(lambda cls, models: known))
        return SimpleNamespace(targets=targets)

    return models


def judged(targets, labels, predictions, weights=None):
    count = np.ones(len(labels), dtype=np.int64)
    return LabelledPredictions(targets, None, 1000 + np.arange(len(labels)), count, labels, predictions, weights)


def value(names=("y",)):
    return Regression(names, (0.0,) * len(names), (1.0,) * len(names))


def test_bounds_are_a_quantile_of_the_errors_of_validation_rows(with_validation):
    errors = np.arange(1.0, 20.0)[:, None] * np.where(np.arange(19) % 2, 1, -1)[:, None]  # 1 to 19, both signs
    interval = Interval(with_validation(value(), errors, np.zeros((19, 1))), 0.75)
    columns = interval.columns(None, Predictions(np.array([[10.0], [-2.0]])))
    assert columns["y:high"].to_pylist() == [25.0, 13.0]  # the 15th of 19 errors: 0.75 x 20
    assert columns["y:low"].to_pylist() == [-5.0, -17.0]


def test_intervals_hold_the_share_of_labels_that_they_promise(with_validation):
    draw = np.random.default_rng(0)
    models = with_validation(value(), draw.normal(size=(4000, 1)), np.zeros((4000, 1)))
    labels = draw.normal(size=(20_000, 1))
    for level in (0.5, 0.9, 0.99):
        figures = Interval(models, level).figures(judged(value(), labels, np.zeros_like(labels)))[0]
        assert figures[f"coverage_{100 * level:g}"] == pytest.approx(level, abs=0.015)
    assert figures["interval_width_99"] == pytest.approx(2 * 2.576, rel=0.08)


def test_sets_hold_the_share_of_labels_that_they_promise(with_validation):
    draw = np.random.default_rng(0)
    targets = Multiclass(("y",), ("a", "b", "c"))

    def rows(count):
        chances = draw.dirichlet([0.7, 0.7, 0.7], count)
        return np.array([[draw.choice(3, p=chance)] for chance in chances], dtype=float), chances

    interval = Interval(with_validation(targets, *rows(2000)), 0.8)
    labels, chances = rows(4000)
    figures = interval.figures(judged(targets, labels, chances))[0]
    assert figures["coverage_80"] == pytest.approx(0.8, abs=0.03)
    assert 1.0 < figures["set_size_80"] < 2.5
    sets = interval.columns(None, Predictions(np.array([[0.98, 0.01, 0.01], [0.34, 0.33, 0.33]])))["y:set"]
    assert sets.to_pylist() == [["a"], ["a", "b", "c"]]


def test_sets_of_named_and_of_several_targets(with_validation):
    labels, chances = np.tile([[0.0], [1.0]], (20, 1)), np.tile([[0.1], [0.9]], (20, 1))
    interval = Interval(with_validation(Binary(("y",), classes=("no", "yes")), labels, chances), 0.9)
    assert interval.columns(None, Predictions(np.array([[0.95], [0.05]])))["y:set"].to_pylist() == [
        ["yes"],
        ["no"],
    ]
    two = MultiLabel(("p", "q"))
    interval = Interval(
        with_validation(two, np.hstack([labels, 1 - labels]), np.hstack([chances, 1 - chances])), 0.9
    )
    columns = interval.columns(None, Predictions(np.array([[0.95, 0.05]])))
    assert {name: cells.to_pylist() for name, cells in columns.items()} == {"p:set": [["1"]], "q:set": [["0"]]}


def test_too_few_validation_rows_hold_everything_and_say_so(with_validation, caplog):
    models = with_validation(value(("y", "z")), [[1.0, 1.0], [2.0, np.nan]] * 5, np.zeros((10, 2)))
    with caplog.at_level(logging.WARNING):
        interval = Interval(models, 0.9)
    assert "z: 5 validation rows are too few for intervals of 90 %, which need 9" in caplog.text
    assert " y:" not in caplog.text
    columns = interval.columns(None, Predictions(np.zeros((1, 2))))
    assert columns["z:high"].to_pylist() == [np.inf]
    assert np.isfinite(columns["y:high"].to_pylist()).all()


@pytest.mark.parametrize("level", [True, 0.0, 1, 90.0, "wide", "nan"])
def test_a_level_that_is_no_probability(with_validation, level):
    with pytest.raises(UserError, match=r"such as 0\.9, not"):
        Interval(with_validation(value(), np.zeros((20, 1)), np.zeros((20, 1))), level)


def test_coverage_is_weighted_as_the_metrics(with_validation):
    interval = Interval(with_validation(value(), np.ones((20, 1)), np.zeros((20, 1))), 0.9)  # -1 to 1
    labels = np.array([[0.0], [5.0]])
    rows = judged(value(), labels, np.zeros((2, 1)), np.array([3.0, 1.0]))
    assert interval.figures(rows)[0]["coverage_90"] == 0.75
    rows = judged(value(), labels, np.zeros((2, 1)), np.array([3.0, -4.0]))
    assert np.isnan(interval.figures(rows)[0]["coverage_90"])


def test_a_temperature_makes_sure_predictions_less_sure(with_validation):
    draw = np.random.default_rng(0)
    true = draw.normal(0, 1.5, 4000)
    labels = (draw.random(4000) < 1 / (1 + np.exp(-true))).astype(float)[:, None]
    shown = (1 / (1 + np.exp(-3 * true)))[:, None]  # three times too sure
    targets = Binary(("y",))
    calibrated = Calibrated(with_validation(targets, labels, shown), True)
    assert calibrated.temperatures[0] == pytest.approx(3.0, rel=0.1)
    cells = np.array(calibrated.columns(None, Predictions(shown))["y:calibrated"].to_pylist())
    np.testing.assert_allclose(cells, 1 / (1 + np.exp(-true)), atol=0.03)
    figures = calibrated.figures(judged(targets, labels, shown))[0]
    assert figures["calibrated_calibration_error"] < 0.03


def test_a_temperature_of_several_classes_keeps_their_order(with_validation):
    draw = np.random.default_rng(0)
    chances = draw.dirichlet([1.0, 1.0, 1.0], 900)
    labels = draw.integers(0, 3, (900, 1)).astype(float)  # probabilities mean nothing
    calibrated = Calibrated(with_validation(Multiclass(("y",), ("a", "b", "c")), labels, chances), True)
    columns = calibrated.columns(None, Predictions(chances))
    assert list(columns) == ["y:a:calibrated", "y:b:calibrated", "y:c:calibrated"]
    cells = np.array([column.to_pylist() for column in columns.values()]).T
    np.testing.assert_allclose(cells.sum(axis=1), 1.0)
    assert (cells.argmax(axis=1) == chances.argmax(axis=1)).all()
    assert calibrated.temperatures[0] > 5


def test_validation_rows_of_one_class_change_nothing(with_validation, caplog):
    models = with_validation(Binary(("y",)), np.ones((20, 1)), np.full((20, 1), 0.7))
    with caplog.at_level(logging.WARNING):
        assert Calibrated(models, True).temperatures == [1.0]
    assert "fewer than two classes" in caplog.text


def test_nearest_vectors_by_standardised_distance():
    vectors = np.array([[0, 0], [1, 0], [0, 100], [1, 100]], dtype=np.float32)
    distances, indices = Library.of(vectors).nearest(np.array([[0.1, 95]], dtype=np.float32), 2)
    assert indices.tolist() == [[2, 3]]
    assert distances[0, 0] == pytest.approx(np.hypot(0.1 / 0.5, 5 / 50) / np.sqrt(2), rel=1e-4)


@pytest.fixture
def tuned(toy, tmp_path):
    pretrained = sma_core.train(toy, settings={"training.steps": 4}, out=tmp_path / "pretrained").run
    return sma_core.finetune(toy, model=pretrained, settings=FEW, out=tmp_path / "tuned").run


@pytest.fixture
def some(tmp_path):
    (tmp_path / "some.csv").write_text("word,name\nkato,one\nnot-a-word,two\n" + "mi,three\n" * 3)
    return tmp_path / "some.csv"


def test_a_fine_tuned_run_is_calibrated_for_predict_and_evaluate(tuned, some, tmp_path, caplog, monkeypatch):
    assert (tuned / FILE).exists()
    out = tmp_path / "out.csv"
    monkeypatch.setattr(calibration_module, "predict_part", None)  # the file has all that is needed
    sma_core.predict(tuned, some, column="word", out=out, add={"interval": 0.5, "familiarity": True})
    first, unusable, *_ = lines_of(out)
    name = next(column.removesuffix(":low") for column in first if column.endswith(":low"))
    assert float(first[f"{name}:low"]) < float(first[name]) < float(first[f"{name}:high"])
    assert unusable[f"{name}:low"] == unusable["familiarity:row"] == ""
    assert float(first["familiarity:distance"]) >= 0
    assert 0 <= float(first["familiarity:farther_than"]) <= 1
    assert float(first["familiarity:score"]) < 0
    figures = sma_core.evaluate(tuned, add={"interval": 0.5}, bootstrap=10).figures
    assert 0 <= figures["coverage_50"].value <= 1
    with caplog.at_level(logging.WARNING):
        sma_core.evaluate(tuned, part="valid", add={"interval": 0.5}, bootstrap=0)
    assert "these rows are those that the intervals were calibrated with" in caplog.text


def test_training_rows_are_their_own_nearest(tuned, tmp_path):
    part = {line["row"]: line["part"] for line in lines_of(tuned / "split.csv")}
    table = tmp_path / "judged.csv"
    sma_core.evaluate(tuned, part="train", bootstrap=0, predictions=table)
    texts = [line["input"] for line in lines_of(table)][:20]
    (tmp_path / "train.csv").write_text("word\n" + "\n".join(texts) + "\n")
    sma_core.predict(tuned, tmp_path / "train.csv", out=tmp_path / "out.csv", add={"familiarity": True})
    for line in lines_of(tmp_path / "out.csv"):
        assert line["familiarity:input"] == line["input"]
        assert float(line["familiarity:distance"]) < 1e-3
        assert part[line["familiarity:row"]] == "train"


def test_without_the_file_validation_rows_are_predicted_again(tuned, some, tmp_path):
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    sma_core.predict(tuned, some, column="word", out=before, add={"interval": 0.8})
    (tuned / FILE).unlink()
    sma_core.predict(tuned, some, column="word", out=after, add={"interval": 0.8})
    low = next(column for column in lines_of(before)[0] if column.endswith(":low"))
    assert float(lines_of(after)[0][low]) == pytest.approx(float(lines_of(before)[0][low]), rel=1e-4)


def test_a_damaged_calibration_is_a_sentence(tuned, some):
    (tuned / FILE).write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r"calibration.safetensors is damaged .*: delete it"):
        sma_core.predict(tuned, some, column="word", add={"interval": 0.8})


def test_runs_of_other_splits_are_not_calibrated_together(toy, tuned, some, tmp_path):
    other = sma_core.finetune(toy, settings=FEW | {"split.seed": 5}, out=tmp_path / "other").run
    with pytest.raises(UserError, match="have other validation rows"):
        sma_core.predict([tuned, other], some, column="word", add={"interval": 0.8})


def test_without_validation_rows_there_is_nothing_to_calibrate_with(toy, some, tmp_path):
    settings = FEW | {"split.protocol": "authors"}
    run = sma_core.finetune(toy, settings=settings, out=tmp_path / "authors").run
    assert not (run / FILE).exists()
    with pytest.raises(UserError, match="no validation rows to calibrate with"):
        sma_core.predict(run, some, column="word", add={"interval": 0.8})


def test_values_have_no_probabilities(tuned, some):
    with pytest.raises(UserError, match="values have no probabilities to calibrate"):
        sma_core.predict(tuned, some, column="word", add={"calibrated": True})


def test_neighbours_of_a_library(tuned, some, tmp_path):
    (tmp_path / "library.csv").write_text("word,name\nmi,a\nkato,b\n12,c\n")
    out = tmp_path / "out.csv"
    result = neighbours(tuned, some, tmp_path / "library.csv", count=2, column="word", identifier="name", out=out)
    assert (result.rows, result.unusable, result.library, result.library_unusable) == (5, 1, 2, 1)
    lines = lines_of(out)
    assert [(line["row"], line["rank"], line["neighbour"], line["neighbour_id"]) for line in lines[:3]] == [
        ("1", "1", "2", "b"),
        ("1", "2", "1", "a"),
        ("2", "", "", ""),
    ]
    assert (lines[0]["neighbour_input"], lines[2]["reason"] != "") == ("kato", True)
    assert float(lines[0]["distance"]) < 1e-4 < float(lines[1]["distance"])


def test_a_row_is_not_its_own_neighbour(tuned, tmp_path):
    (tmp_path / "library.csv").write_text("word\nmi\nkato\nkatoj\n")
    out = tmp_path / "out.csv"
    neighbours(tuned, tmp_path / "library.csv", tmp_path / "library.csv", count=5, column="word", out=out)
    assert len(lines_of(out)) == 6
    assert all(line["row"] != line["neighbour"] for line in lines_of(out))


def test_neighbours_on_the_command_line(tuned, some, run_sma, tmp_path):
    arguments = (
        "neighbours",
        str(some),
        "--model",
        str(tuned),
        "--to",
        str(some),
        "--input",
        "word",
        "--count",
        "1",
    )
    done = run_sma(*arguments, "--json", "--out", str(tmp_path / "n.csv"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 5
    assert run_sma(*arguments, "--out", str(tmp_path / "n.csv")).returncode == 2


def test_a_library_without_a_usable_row_is_refused(tuned, some, tmp_path):
    (tmp_path / "library.csv").write_text("word\nnot-a-word\n")
    with pytest.raises(DataError, match=r"library\.csv has no usable row to be a neighbour"):
        neighbours(tuned, some, tmp_path / "library.csv", column="word", out=tmp_path / "out.csv")


def test_vectors_that_are_not_finite_have_no_neighbour():
    library = Library.of(np.eye(3, dtype=np.float32))
    distances, indices = library.nearest(np.array([[np.nan, 0, 0], [1, 0, 0]], dtype=np.float32), 2)
    assert np.isnan(distances[0]).all()
    assert indices[0].tolist() == [-1, -1]
    assert indices[1, 0] == 0
