"""`sma_core.evaluate`: the figures of a run again, with intervals, on its own rows and on others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sma_core
from sma_core.errors import CheckpointError, ConfigError, DataError
from sma_core.runs.results import EvaluateResult, FinetuneResult
from tests.support.runs import table

FEW = {"training.epochs": 2.0}


def tuned(domain: str, folder: Path, task: str = "vowels", **settings: object) -> FinetuneResult:
    return sma_core.finetune(domain, task=task, settings=FEW | settings, out=folder / "run")


def values(result: EvaluateResult) -> dict[str, float]:
    return {name: figure.value for name, figure in result.figures.items()}


def words_file(path: Path, labels: dict[str, str], column: str = "y") -> str:
    path.write_text(f"word,{column}\n" + "".join(f"{word},{label}\n" for word, label in labels.items()))
    return str(path)


@pytest.mark.parametrize("task", ["vowels", "flags", "first", "marks"])
def test_the_figures_are_those_that_fine_tuning_gave_with_intervals(toy, tmp_path, task):
    run = tuned(toy, tmp_path, task)
    result = sma_core.evaluate(run.run, bootstrap=50)
    assert values(result) == pytest.approx(run.test, nan_ok=True)
    assert (result.task, result.part, result.rows) == (f"toy:{task}", "test", 20)
    for figure in result.figures.values():
        assert figure.low <= figure.high
    for target, figures in run.test_targets.items():
        assert {name: each.value for name, each in result.targets[target].items()} == pytest.approx(figures)
    assert list(result.targets) == (["long", "has_a"] if task == "flags" else [])
    assert (result.judged > 20) == (task == "marks")
    again = sma_core.evaluate(run.run, bootstrap=50)
    assert replace(again, seconds=0.0) == replace(result, seconds=0.0)
    if task != "marks":  # which is learned at once, so that there is nothing to draw
        assert sma_core.evaluate(run.run, bootstrap=50, seed=1).figures != result.figures


def test_each_part_can_be_judged(toy, tmp_path):
    run = tuned(toy, tmp_path)
    assert values(sma_core.evaluate(str(run.run), part="valid", bootstrap=0)) == pytest.approx(run.valid)
    every = sma_core.evaluate(run.run, part="all", bootstrap=0)
    assert (every.rows, every.figures["rmse"].low) == (200, None)


def test_the_table_has_the_files_rows_in_order_in_the_labels_units(toy, tmp_path):
    run = tuned(toy, tmp_path)
    result = sma_core.evaluate(run.run, part="all", bootstrap=0, predictions=tmp_path / "rows.csv")
    lines = table(tmp_path / "rows.csv")
    assert [int(line["row"]) for line in lines] == list(range(1, 201))
    labels, found = (np.array([float(line[name]) for line in lines]) for name in ("label:vowels", "vowels"))
    assert labels.tolist() == [sum(line["input"].count(letter) for letter in "aeiou") for line in lines]
    assert np.sqrt(np.mean((labels - found) ** 2)) == pytest.approx(result.figures["rmse"].value, rel=1e-4)


def test_the_table_of_positions_has_what_is_known_and_what_is_said_there(toy, tmp_path):
    run = tuned(toy, tmp_path, "marks")
    result = sma_core.evaluate(run.run, bootstrap=0, predictions=tmp_path / "rows.csv")
    lines = table(tmp_path / "rows.csv")
    assert [line["label:marks"] for line in lines] == [
        "".join("?" if letter == "k" else "CV"[letter in "aeiou"] for letter in line["input"]) for line in lines
    ]
    pairs = [pair for line in lines for pair in zip(line["label:marks"], line["marks"], strict=True)]
    assert np.mean([due == said for due, said in pairs if due != "?"]) == pytest.approx(
        result.figures["accuracy"].value
    )


def test_another_file_is_judged_whole_with_its_own_columns_and_rows_set_aside(toy, tmp_path):
    run = tuned(toy, tmp_path, "flags")
    rows = [("katomire", "0", "1"), ("lando", "1", ""), ("n7", "1", "0"), ("kamiresuquiqui", "1", "1")]
    file = tmp_path / "other.csv"
    file.write_text("word,L,A\n" + "".join(",".join(row) + "\n" for row in rows))
    result = sma_core.evaluate(
        run.run,
        data=str(file),
        targets=["L", "A"],
        max_rejected=0.5,
        bootstrap=0,
        predictions=tmp_path / "rows.csv",
    )
    assert (result.part, result.rows, result.rejected) == (None, 3, 1)
    lines = table(tmp_path / "rows.csv")
    assert [(line["row"], line["label:long"], line["label:has_a"]) for line in lines] == [
        ("1", "0", "1"), ("2", "1", ""), ("4", "1", "1"),
    ]  # fmt: skip
    hits = [(float(line["has_a"]) > 0.5) for line in lines if line["label:has_a"]]
    assert result.targets["has_a"]["accuracy"].value == pytest.approx(np.mean(hits))


def test_classes_of_another_file_are_numbered_as_the_model_does(toy, tmp_path):
    run = tuned(toy, tmp_path, "first")
    words = ["suka", "vetosu", "tomi", "suto", "vevex", "tore"]
    file = words_file(tmp_path / "other.csv", {word: word[:2] for word in words}, "first")
    result = sma_core.evaluate(run.run, data=file, bootstrap=0, predictions=tmp_path / "rows.csv")
    lines = table(tmp_path / "rows.csv")
    assert [line["label:first"] for line in lines] == [word[:2] for word in words]
    hits = [line["label:first"] == line["first"] for line in lines]
    assert result.figures["accuracy"].value == pytest.approx(np.mean(hits))


def test_rows_of_numbers_are_judged_too(numbers, tmp_path):
    run = tuned(numbers, tmp_path, "last")
    assert values(sma_core.evaluate(run.run, bootstrap=0)) == pytest.approx(run.test)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"data": "{file}", "part": "test"}, "with `data` all usable rows are scored"),
        ({"column": "word"}, "pass it with `data=FILE`"),
        ({"data": "{file}", "targets": ["first", "word"]}, "the model predicts 1 target "),
        ({"data": "{file}", "targets": ["frist"]}, "did you mean 'first'"),
        (
            {"data": "{file}"},
            r"other\.csv, row 2: the target 'first' has the class 'xy', which the model was not trained on",
        ),
        ({"data": "nowhere.csv"}, r"there is no file nowhere\.csv"),
        ({"confidence": 95.0}, "`confidence` between 0 and 1"),
        ({"predictions": Path("/proc/none/rows.csv")}, "cannot write"),
    ],
)
def test_what_cannot_be_judged_gets_a_sentence(toy, tmp_path, arguments, sentence):
    run = tuned(toy, tmp_path, "first", **{"training.epochs": 1.0})
    file = words_file(tmp_path / "other.csv", {"kato": "ka", "mire": "xy"}, "first")
    given = {name: file if value == "{file}" else value for name, value in arguments.items()}
    with pytest.raises((ConfigError, DataError), match=sentence):
        sma_core.evaluate(run.run, bootstrap=0, **given)


def test_a_pretrained_run_cannot_be_judged(toy, tmp_path):
    pretrained = sma_core.train(toy, settings={"training.steps": 1}, out=tmp_path / "pre").run
    with pytest.raises(CheckpointError, match="without a head"):
        sma_core.evaluate(pretrained)


def test_rows_that_are_divided_otherwise_now_are_refused(toy, tmp_path):
    run = tuned(toy, tmp_path, "parted").run
    path = run / "model.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"split": facts["split"] | {"fingerprint": "0" * 16}}))
    with pytest.raises(CheckpointError, match="its data have changed, or the code that reads and splits them"):
        sma_core.evaluate(run)
    old = {name: value for name, value in facts["split"].items() if name != "fingerprint"}
    path.write_text(json.dumps(facts | {"split": old}))
    assert sma_core.evaluate(run, bootstrap=0).rows == 30


def test_the_program_prints_a_table_or_json_and_writes_the_report(toy, run_sma, tmp_path):
    tuned(toy, tmp_path, "flags")
    done = run_sma("evaluate", "--model", "run", "--bootstrap", "20", "--out", "report.json")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "toy:flags (multilabel) on test rows of toy:labelled: 20 rows"
    assert lines[1].split() == ["metric", "value", "95", "%", "interval"]
    assert [line.split()[0] for line in lines[2:4]] == ["roc_auc", "pr_auc"]
    assert sum(line.startswith("has_a: ") for line in lines) == 5
    assert lines[-2] == "intervals from 20 bootstrap resamples of the rows, seed 0"
    assert lines[-1].startswith("warning: 2 of 20 test rows are equal to a training row")
    printed = json.loads(run_sma("evaluate", "--model", "run", "--bootstrap", "20", "--json").stdout)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["figures"] == printed["figures"]
    assert set(report["targets"]) == {"long", "has_a"}
    missing = run_sma("evaluate", "--model", "nothing")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "there is no such folder" in missing.stderr
