"""Labels as people have them: what they are is guessed right, or refused with the option to pass."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import sma_core
from sma_core.data.labels import label_name
from sma_core.errors import DataError
from tests.support.runs import table

FEW = {"targets": ["y"], "training.epochs": 1.0, "baselines": False}


@pytest.fixture
def labelled(toy, tmp_path):
    """Return a function that writes words with labels, a function of the word and its index."""
    from toy_domain.words import make_words

    def write(label, name="mine.csv", count=120):
        rows = [f'{word},"{label(word, index)}"\n' for index, word in enumerate(make_words(count, 7))]
        (tmp_path / name).write_text("word,y\n" + "".join(rows))
        return str(tmp_path / name)

    return write


def tuned(toy, tmp_path, data, **settings):
    return sma_core.finetune(toy, data=data, settings=FEW | settings, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("negative", "positive"),
    [("b", "s"), ("h", "g"), ("inactive", "active"), ("-1", "1"), ("-1", "+1"), ("no", "yes"), ("cat", "dog")],
)
def test_two_values_are_binary_with_a_named_positive_class(toy, tmp_path, labelled, negative, positive):
    data = labelled(lambda word, _: positive if "ka" in word else negative)
    result = tuned(toy, tmp_path, data)
    name = positive.lstrip("+")
    assert (result.kind, result.metric, result.positive) == ("binary", "roc_auc", name)
    assert f"of which {name!r} is the positive class" in result.kind_guess
    targets = json.loads((result.run / "model.json").read_text())["targets"]
    assert targets["classes"] == [negative, name]
    assert f"positive class `{name}`" in (result.run / "README.md").read_text()


def test_the_positive_class_can_be_named_and_metrics_are_those_of_sklearn(toy, tmp_path, labelled, run_sma):
    from sklearn.metrics import roc_auc_score

    data = labelled(lambda word, _: "s" if "ka" in word else "b")
    settings = ("--set", "training.epochs=1", "--no-baselines", "--out", "run", "--json")
    done = run_sma("finetune", "--domain", toy, "--data", data, "--target", "y", "--positive", "b", *settings)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["positive"], result["kind_guess"]) == ("b", "")
    sma_core.evaluate("run", predictions=tmp_path / "judged.csv", bootstrap=0)
    rows = table(tmp_path / "judged.csv")
    assert list(rows[0]) == ["row", "input", "label:y", "y", "y:b"]
    truth = [row["label:y"] == "b" for row in rows]
    assert roc_auc_score(truth, [float(row["y:b"]) for row in rows]) == pytest.approx(result["test"]["roc_auc"])
    assert all((row["y"] == "b") == (float(row["y:b"]) > 0.5) for row in rows)
    sma_core.predict("run", data, out=tmp_path / "out.csv")
    assert list(table(tmp_path / "out.csv")[0]) == ["row", "input", "y", "y:b", "reason"]
    other = labelled(lambda word, _: "s" if "ka" in word else "b", "other.csv", 60)
    assert sma_core.evaluate("run", data=other, bootstrap=0).rows == 60


def test_a_positive_class_that_is_not_there_is_refused(toy, tmp_path, labelled):
    data = labelled(lambda word, _: "s" if "ka" in word else "b")
    with pytest.raises(DataError, match=r"`positive=x` needs a target of two classes.*'y' has 's', 'b'|'b', 's'"):
        tuned(toy, tmp_path, data, positive="x")


def test_a_third_value_after_the_first_rows_is_refused_with_its_row(toy, tmp_path, labelled):
    data = labelled(lambda _, index: "t" if index == 1100 else "sb"[index % 2], count=1200)
    with pytest.raises(DataError, match=r"row 1,101: the label 't' is neither 'b' nor 's'.*`kind=multiclass`"):
        tuned(toy, tmp_path, data)


def test_a_sorted_file_is_read_until_the_second_value(toy, tmp_path, labelled):
    data = labelled(lambda _, index: "s" if index > 1050 else "b", count=1200)
    assert tuned(toy, tmp_path, data).positive == "s"


def test_events_have_binary_labels_as_text_and_as_numbers(numbers, tmp_path):
    draw = np.random.default_rng(0)
    label = draw.integers(0, 2, 200)
    values = draw.normal(size=(200, 2)) + label[:, None]
    for names in (("b", "s"), ("-1", "1"), ("False", "True")):
        rows = [f"{a},{b},{names[y]}" for (a, b), y in zip(values, label, strict=True)]
        file = tmp_path / "events.csv"
        file.write_text("pt,eta,y\n" + "\n".join(rows) + "\n")
        result = sma_core.finetune(numbers, data=file, settings=FEW, out=tmp_path / f"run{names[0]}")
        assert (result.kind, result.metric) == ("binary", "roc_auc")
        assert not math.isnan(result.test["roc_auc"])


def test_decimal_commas_are_refused(toy, tmp_path, labelled):
    data = labelled(lambda word, index: f"0,{index + 1}")
    with pytest.raises(DataError, match=r"'y' has decimal commas, as in '0,1': write decimal points"):
        tuned(toy, tmp_path, data)


def test_names_that_nearly_all_differ_are_refused(toy, tmp_path, labelled):
    data = labelled(lambda word, index: f"row-{index}")
    with pytest.raises(
        DataError, match="'y' has 120 different names in the first 120 labelled rows, such as 'row-0'"
    ):
        tuned(toy, tmp_path, data)


@pytest.mark.parametrize("symbols", ["HE", "01"])
def test_labels_as_long_as_their_rows_are_symbols_of_positions(toy, tmp_path, labelled, symbols):
    data = labelled(lambda word, index: "".join(symbols[letter in "aeiou"] for letter in word))
    result = tuned(toy, tmp_path, data)
    assert result.kind == "per-position"
    assert "guessed from labels as long as the text" in result.kind_guess


def test_whole_numbers_that_may_be_classes_are_remarked_on(toy, tmp_path, labelled):
    result = tuned(toy, tmp_path, labelled(lambda word, index: index % 3))
    assert result.kind == "regression"
    assert "which are only 0, 1, 2: if these are classes, pass `kind=multiclass`" in result.kind_guess


@pytest.mark.parametrize("missing", ["", "NaN", "N/A", "null", "?", "-", "None", "<NA>"])
def test_what_means_a_missing_label(toy, tmp_path, labelled, missing):
    data = labelled(lambda word, index: missing if index % 3 == 0 else len(word))
    result = tuned(toy, tmp_path, data, **{"data.max_rejected": 0.5})
    assert (result.kind, result.rejected) == ("regression", 40)


@pytest.mark.parametrize("form", ["{}", "[{}]", "words"])
def test_a_missing_symbol_of_a_position_masks_it(toy, tmp_path, labelled, form):
    def label(word, index):
        symbols = ["V" if letter in "aeiou" else "C" for letter in word]
        symbols[0] = "nan" if form == "words" else "?"
        return " ".join(symbols) if form == "words" else form.format(",".join(symbols))

    result = tuned(toy, tmp_path, labelled(label), kind="per-position")
    assert json.loads((result.run / "model.json").read_text())["targets"]["classes"] == ["C", "V"]
    assert result.rejected == 0
    judged = sma_core.evaluate(result.run, part="all", bootstrap=0)
    from toy_domain.words import make_words

    assert judged.judged == sum(len(word) - 1 for word in make_words(120, 7))


@pytest.mark.parametrize(
    ("text", "name"), [("+1", "1"), ("1.0", "1"), ("-1", "-1"), ("0.50", "0.5"), ("True", "True"), ("s", "s")]
)
def test_the_name_of_a_label(text, name):
    assert label_name(text) == name


def test_the_table_of_evaluate_keeps_every_position(toy, tmp_path, labelled):
    def label(word, _):
        return "?" + "".join("V" if letter in "aeiou" else "C" for letter in word[1:-1]) + "?"

    result = tuned(toy, tmp_path, labelled(label))
    assert result.kind == "per-position"
    judged = sma_core.evaluate(result.run, part="all", predictions=tmp_path / "judged.csv", bootstrap=0)
    rows = table(tmp_path / "judged.csv")
    assert all(row["label:y"] == label(row["input"], 0) for row in rows)
    assert all(len(row["y"]) == len(row["input"]) and set(row["y"]) <= set("CV") for row in rows)
    pairs = [pair for row in rows for pair in zip(row["label:y"], row["y"], strict=True) if pair[0] != "?"]
    assert judged.judged == len(pairs)
    assert judged.figures["accuracy"].value == pytest.approx(np.mean([one == other for one, other in pairs]))
