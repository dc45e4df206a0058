"""Folders, patterns and lists of files as one set, from the command to the run folder."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

import sma_core
from sma_core.errors import ConfigError, DataError, StoppedOnRequest
from tests.support.runs import latest_weights, same, stop_at, table

SYLLABLES = [first + second for first in "bklmn" for second in "aeio"]
WORDS = [first + second + first for first in SYLLABLES for second in SYLLABLES[:9]]


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "parts of it"
    folder.mkdir()
    for number in range(3):
        (folder / f"part-{number}.txt").write_text("\n".join(WORDS[number * 60 : (number + 1) * 60]) + "\n")
    (folder / "notes.md").write_text("not rows")
    (folder / ".part-9.txt").write_text("hidden")
    (folder / "inner").mkdir()
    return folder


def test_a_folder_a_pattern_a_list_and_one_file_give_the_same_run(toy, folder, tmp_path):
    (tmp_path / "all.txt").write_text("\n".join(WORDS) + "\n")
    backwards = ",".join(str(folder / f"part-{number}.txt") for number in (2, 0, 1))
    names = [str(tmp_path / "all.txt"), str(folder), f"{folder}/part-*.txt", backwards]
    runs = [
        sma_core.train(toy, data=name, settings={"training.steps": 3}, out=tmp_path / str(at))
        for at, name in enumerate(names)
    ]
    assert {run.rows for run in runs} == {len(WORDS)}
    first = latest_weights(runs[0].run)
    for run in runs[1:]:
        assert same(first, latest_weights(run.run))
    again = sma_core.train(resume=str(runs[1].run), settings={"training.steps": 4})
    assert again.step == 4


def test_rows_set_aside_name_their_file_and_row(toy, folder, tmp_path):
    (folder / "part-1.txt").write_text("bako\nBAD!\nbeko\n" + "bako\n" * 30)
    result = sma_core.train(toy, data=str(folder), out=tmp_path / "run")
    (line,) = [json.loads(line) for line in (result.run / "rejected.jsonl").read_text().splitlines()]
    assert (Path(line["file"]).name, line["row"]) == ("part-1.txt", 2)


def test_what_is_no_set_is_said(toy, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for name, sentence in {
        str(tmp_path / "empty"): "has no file that a reader of 'toy' can read",
        f"{folder}/none-*.txt": "no file matches .*quote it",
        f"{folder}/part-0.txt,{folder}/gone.txt": r"there is no file .*gone\.txt",
    }.items():
        with pytest.raises(DataError, match=sentence):
            sma_core.train(toy, data=name, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_numbers_of_several_files_are_one_set(numbers, tmp_path):
    lines = [f"{at % 7},{at % 5},{at % 3}" for at in range(200)]
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "one.csv").write_text("\n".join(["a,b,c", *lines]) + "\n")
    (tmp_path / "parts").mkdir()
    for number in range(2):
        part = lines[number * 100 : (number + 1) * 100]
        (tmp_path / "parts" / f"{number}.csv").write_text("\n".join(["a,b,c", *part]) + "\n")
    runs = [
        sma_core.train(numbers, data=str(tmp_path / name), out=tmp_path / f"run-{name}")
        for name in ("all", "parts")
    ]
    first, second = (latest_weights(run.run) for run in runs)
    assert same(first, second)
    scales = [json.loads((run.run / "model.json").read_text())["scale"] for run in runs]
    assert scales[0] == scales[1]


def test_labels_vectors_and_predictions_of_several_files(toy, tmp_path):
    rows = [f"{word},{word.count('a')}" for word in WORDS]
    (tmp_path / "all.csv").write_text("\n".join(["word,vowels", *rows]) + "\n")
    (tmp_path / "parts").mkdir()
    for number, part in enumerate((rows[:70], rows[70:])):
        (tmp_path / "parts" / f"{number}.csv").write_text("\n".join(["word,vowels", *part]) + "\n")
    settings = {"targets": ("vowels",), "training.epochs": 1}
    one, parts = (
        sma_core.finetune(toy, data=str(tmp_path / name), settings=settings, out=tmp_path / f"run-{at}")
        for at, name in enumerate(("all.csv", "parts"))
    )
    assert (one.test, one.rows) == (parts.test, parts.rows)
    for name in ("all.csv", "parts"):
        sma_core.predict(one.run, tmp_path / name, out=tmp_path / f"{name}-predicted.csv")
    first, second = (table(tmp_path / f"{name}-predicted.csv") for name in ("all.csv", "parts"))
    values = [[float(line.pop("vowels")) for line in lines] for lines in (first, second)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)  # rows share other batches: equal up to rounding
    assert first == second


def test_a_mixture_is_drawn_by_weight_and_goes_on(toy, folder, tmp_path):
    mixed = f"{folder}/part-0.txt,words"
    settings = {"data.weights": (3.0, 1.0), "training.checkpoint_every": 5}
    whole = sma_core.train(toy, data=mixed, settings=settings, out=tmp_path / "whole")
    assert whole.rows == 60 + 600
    facts = json.loads((whole.run / "model.json").read_text())["data"]
    assert facts == {"source": mixed, "rows": 660, "weights": [3.0, 1.0]}
    assert "weights = [" in (whole.run / "config.toml").read_text()
    settings |= {"training.workers": 1}
    with pytest.raises(StoppedOnRequest):
        sma_core.train(
            toy, data=mixed, settings=settings, out=tmp_path / "cut", observers=[stop_at(7, signal.SIGINT)]
        )
    cut = sma_core.train(resume=str(tmp_path / "cut"))
    first, second = latest_weights(whole.run), latest_weights(cut.run)
    assert same(first, second)
    plain = latest_weights(sma_core.train(toy, data=mixed, out=tmp_path / "plain").run)
    assert not same(first, plain)


def test_weights_must_fit_the_sets(toy, numbers, folder, tmp_path):
    for weights, sentence in {
        (1.0,): "the number of data.weights is 1, but data.source names 2",
        (1.0, 0.0): "greater than 0",
    }.items():
        with pytest.raises(ConfigError, match=sentence):
            sma_core.train(toy, data=f"{folder},words", settings={"data.weights": weights}, out=tmp_path / "run")
    with pytest.raises(ConfigError, match="pre-train"):
        sma_core.finetune(toy, settings={"data.weights": (1.0,)}, out=tmp_path / "run")
