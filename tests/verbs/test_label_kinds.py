"""Classes and symbols as labels, from the file to the predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sma_core
from sma_core.errors import CheckpointError, ConfigError, DataError
from tests.support.runs import table

LONGER = {"training.epochs": 30.0, "training.learning_rate": 1e-2, "model.dropout": 0.0}


def own_file(path: Path, header: str, rows: list[tuple[str, ...]]) -> Path:
    path.write_text(header + "\n" + "".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def words(count: int) -> list[str]:
    from toy_domain.words import make_words

    return make_words(count, 7)


def rejected(run: Path) -> list[tuple[int, str]]:
    lines = (run / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    return [(line["row"], line["reason"]) for line in map(json.loads, lines)]


def test_a_class_is_learned_named_and_given_with_probabilities(toy, tmp_path):
    result = sma_core.finetune(
        toy, task="first", settings=LONGER | {"training.epochs": 100.0}, out=tmp_path / "run"
    )
    assert result.metric == "accuracy"
    assert set(result.test) == {"accuracy", "top_5_accuracy", "macro_f1", "calibration_error"}
    assert result.test["accuracy"] > 0.5
    classes = json.loads((result.run / "model.json").read_text())["targets"]["classes"]
    assert classes == ["do", "ka", "la", "mi", "qu", "re", "su", "to", "ve"]
    file = own_file(tmp_path / "in.csv", "word", [("kato",), ("n7",), ("miresu",)])
    sma_core.predict(result.run, str(file), out=tmp_path / "out.csv")
    lines = table(tmp_path / "out.csv")
    assert list(lines[0]) == ["row", "input", "first", *(f"first:{name}" for name in classes), "reason"]
    for line in (lines[0], lines[2]):
        probabilities = [float(line[f"first:{name}"]) for name in classes]
        assert sum(probabilities) == pytest.approx(1.0, abs=1e-4)
        assert line["first"] == classes[int(np.argmax(probabilities))]
    assert lines[1]["first"] == lines[1]["first:do"] == ""
    assert lines[1]["reason"] == "not letters only"


def test_with_many_classes_only_the_probability_of_the_class_is_written(toy, tmp_path):
    rows = [(word, f"class {at % 25}") for at, word in enumerate(words(250))]
    file = own_file(tmp_path / "mine.csv", "word,y", rows)
    run = sma_core.finetune(toy, data=str(file), settings={"targets": ["y"]}, out=tmp_path / "run").run
    sma_core.predict(run, str(file), out=tmp_path / "out.csv")
    lines = table(tmp_path / "out.csv")
    assert list(lines[0]) == ["row", "input", "y", "y:probability", "reason"]
    assert 1 / 25 <= float(lines[0]["y:probability"]) <= 1
    assert lines[0]["y"].startswith("class ")


def test_names_are_guessed_to_be_classes_but_numbers_are_not(toy, tmp_path):
    named = own_file(tmp_path / "a.csv", "word,y", [(word, word[:2]) for word in words(80)])
    numbered = own_file(tmp_path / "b.csv", "word,y", [(word, str(len(word))) for word in words(80)])
    settings = {"targets": ["y"], "training.epochs": 1.0}
    assert sma_core.finetune(toy, data=str(named), settings=settings, out=tmp_path / "a").kind == "multiclass"
    assert sma_core.finetune(toy, data=str(numbered), settings=settings, out=tmp_path / "b").kind == "regression"


def test_two_names_and_none_may_mean_two_or_three_classes(toy, tmp_path):
    rows = [(word, ("yes", "no", "none")[at % 3]) for at, word in enumerate(words(60))]
    file = own_file(tmp_path / "mine.csv", "word,y", rows)
    settings = {"targets": ["y"], "training.epochs": 1.0, "data.max_rejected": 0.5, "baselines": False}
    with pytest.raises(DataError, match=r"'none', which may be a third class.*`kind=multiclass`.*`positive=yes`"):
        sma_core.finetune(toy, data=file, settings=settings, out=tmp_path / "run")
    for added, classes in (({"kind": "multiclass"}, ["no", "none", "yes"]), ({"positive": "yes"}, ["no", "yes"])):
        result = sma_core.finetune(toy, data=file, settings=settings | added, out=tmp_path / str(len(classes)))
        assert json.loads((result.run / "model.json").read_text())["targets"]["classes"] == classes


def test_a_minus_beside_a_plus_is_the_other_class(toy, tmp_path):
    file = own_file(tmp_path / "mine.csv", "word,y", [(word, "+-"[at % 2]) for at, word in enumerate(words(60))])
    settings = {"targets": ["y"], "training.epochs": 1.0, "baselines": False}
    result = sma_core.finetune(toy, data=file, settings=settings, out=tmp_path / "run")
    targets = json.loads((result.run / "model.json").read_text())["targets"]
    assert (targets["kind"], targets["classes"]) == ("binary", ["-", "+"])


def test_whole_numbers_are_classes_in_numeric_order_when_asked_for(toy, tmp_path):
    rows = [(word, str(len(word)) if at % 9 else "") for at, word in enumerate(words(120))]
    file = own_file(tmp_path / "mine.csv", "word,y", rows)
    settings = {"targets": ["y"], "kind": "multiclass", "training.epochs": 1.0, "data.max_rejected": 0.5}
    result = sma_core.finetune(toy, data=str(file), settings=settings, out=tmp_path / "run")
    classes = json.loads((result.run / "model.json").read_text())["targets"]["classes"]
    assert classes == [str(number) for number in sorted({len(word) for word, label in rows if label})]
    assert {reason for _, reason in rejected(result.run)} == {"no target: y is missing"}


def test_symbols_of_every_character_are_learned_and_written(toy, tmp_path):
    result = sma_core.finetune(toy, task="marks", settings=LONGER, out=tmp_path / "run")
    assert set(result.test) == {"accuracy", "macro_f1"}
    assert result.test["accuracy"] > 0.95
    facts = json.loads((result.run / "model.json").read_text())
    assert facts["head"] == "position"
    assert facts["targets"]["classes"] == ["C", "V"]
    file = own_file(tmp_path / "in.csv", "word", [("toremi",), ("n7",), ("su" * 30,), ("a",)])
    sma_core.predict(result.run, str(file), out=tmp_path / "out.csv")
    lines = table(tmp_path / "out.csv")
    assert list(lines[0]) == ["row", "input", "marks", "reason"]
    assert lines[0]["marks"] == "CVCVCV"
    assert [len(line["marks"]) for line in lines] == [6, 0, 31, 1]  # what the model does not read has no symbol


def test_a_character_of_several_bytes_has_one_symbol(toy, tmp_path):
    rows = [(f"{word}ä{word[:2]}", "x" * len(word) + "y" + "xx") for word in words(60)]
    file = own_file(tmp_path / "mine.csv", "word,y", rows)
    settings = {"targets": ["y"], "kind": "per-position", "training.epochs": 15.0}
    result = sma_core.finetune(toy, data=str(file), settings=settings, out=tmp_path / "run")
    assert result.test["accuracy"] > 0.95
    found = sma_core.load(result.run).predict(["kaäka", "ä"])
    assert [len(text) for text in ("kaäka", "ä")] == (~np.isnan(found)).sum(axis=1).tolist()


def test_rows_whose_symbols_do_not_fit_are_set_aside(toy, tmp_path):
    good = [(word, "x" * len(word), "1" * len(word)) for word in words(60)]
    bad = [("kato", "xx", "1111"), ("kato", "xxxx", "111"), ("kato", "xxxx", "1121"), ("kato", "", "1111")]
    rows = [*bad, ("kato", "yyyy", "0000"), ("kato", "yxxx", "1110"), *good]
    file = own_file(tmp_path / "mine.csv", "word,y,known", rows)
    settings = {"targets": ["y"], "kind": "per-position", "position_mask": "known", "training.epochs": 1.0}
    settings["data.max_rejected"] = 0.5
    result = sma_core.finetune(toy, data=str(file), settings=settings, out=tmp_path / "run")
    assert rejected(result.run) == [
        (1, "label of another length: 2 symbols for 4 characters"),
        (2, "position mask of another length: 3 for 4 characters"),
        (3, "position mask is not of 0 and 1"),
        (4, "no target"),
        (5, "no position counts"),
    ]


@pytest.mark.parametrize(
    ("task", "settings", "sentence"),
    [
        (
            "marks",
            {"head": "mean"},
            "the head 'mean' makes one prediction per row, .* one per position.*position",
        ),
        (
            "vowels",
            {"head": "position"},
            "makes one prediction per position, but regression labels have one per row",
        ),
        ("flags", {"kind": "multiclass"}, "multiclass takes one target column, not 2"),
        ("marks", {"kind": "multiclass", "data.max_rejected": 1.0, "split.valid": 0.99}, "leaves no row"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(toy, tmp_path, task, settings, sentence):
    with pytest.raises((ConfigError, DataError), match=sentence):
        sma_core.finetune(toy, task=task, settings=settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_class_only_is_refused(toy, tmp_path):
    file = own_file(tmp_path / "mine.csv", "word,y", [(word, "same") for word in words(40)])
    with pytest.raises(DataError, match="'y' has only one class, 'same'"):
        sma_core.finetune(toy, data=str(file), settings={"targets": ["y"]}, out=tmp_path / "run")


def test_a_run_with_labels_of_a_later_kind_is_refused(toy, tmp_path):
    run = sma_core.finetune(toy, settings={"training.epochs": 1.0}, out=tmp_path / "run").run
    facts = json.loads((run / "model.json").read_text())
    facts["targets"]["kind"] = "ranking"
    (run / "model.json").write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match="kind 'ranking' are unknown"):
        sma_core.load(run)
