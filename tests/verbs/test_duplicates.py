"""Equal rows over a split are counted and said, may be kept together, and the split is written."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import sma_core
from sma_core.errors import ConfigError
from sma_core.labels.duplicates import first_of_each

FEW = {"targets": ["y"], "training.epochs": 1.0, "baselines": False, "split.name": "random"}


@pytest.fixture
def doubled(toy, tmp_path):
    """Return a file with each of 60 words twice."""
    from toy_domain.words import make_words

    words = sorted(set(make_words(80, 7)))[:60]
    file = tmp_path / "mine.csv"
    file.write_text("word,y\n" + "".join(f"{word},{len(word)}\n" for word in [*words, *words]))
    return str(file), [*words, *words]


def split_of(run):
    with (run / "split.csv").open() as file:
        return {int(line["row"]): line["part"] for line in csv.DictReader(file)}


def test_equal_rows_over_a_split_are_counted_and_the_split_is_written(toy, tmp_path, doubled):
    file, words = doubled
    result = sma_core.finetune(toy, data=file, settings=FEW, out=tmp_path / "run")
    split = split_of(result.run)
    assert {part: list(split.values()).count(part) for part in ("train", "valid", "test")} == result.rows
    training = {words[row - 1] for row, part in split.items() if part == "train"}
    tests, valids = (
        sum(words[row - 1] in training for row, own in split.items() if own == part) for part in ("test", "valid")
    )
    assert tests > 0
    sentence = f"{valids} of 12 validation rows and {tests} of 12 test rows are equal to a training row"
    (said,) = [warning for warning in result.warnings if "equal to a training row" in warning]
    assert said.startswith(sentence)
    assert "split.group=true" in said
    assert sentence in (result.run / "README.md").read_text()


@pytest.mark.parametrize("split", ["random", "k-fold"])
def test_equal_rows_are_kept_together(toy, tmp_path, doubled, split, run_sma):
    file, _ = doubled
    options = ("--set", "training.epochs=1", "--no-baselines", "--split", split, "--group", "--out", "run")
    done = run_sma("finetune", "--domain", toy, "--data", file, "--target", "y", *options)
    assert done.returncode == 0, done.stderr
    assert f"split: {split}, equal rows together" in done.stdout
    assert "equal to a training row" not in done.stdout
    parts = split_of(tmp_path / "run")
    assert len(parts) == 120
    assert all(parts[row] == parts[row + 60] for row in range(1, 61))
    assert sma_core.evaluate(tmp_path / "run", bootstrap=0).rows == list(parts.values()).count("test")


def test_equal_rows_of_numbers_are_found(numbers, tmp_path):
    draw = np.random.default_rng(0)
    rows = [f"{a},{b},{int(a > 0)}" for a, b in draw.normal(size=(60, 2))]
    file = tmp_path / "events.csv"
    file.write_text("pt,eta,y\n" + "\n".join([*rows, *rows]) + "\n")
    result = sma_core.finetune(numbers, data=file, settings=FEW, out=tmp_path / "run")
    assert any("equal to a training row" in warning for warning in result.warnings)
    grouped = sma_core.finetune(numbers, data=file, settings=FEW | {"split.group": True}, out=tmp_path / "other")
    assert not any("equal to a training row" in warning for warning in grouped.warnings)


def test_a_split_of_the_file_is_not_changed(toy, tmp_path, doubled):
    with pytest.raises(ConfigError, match=r"split\.group keeps equal rows together in a split that is drawn"):
        sma_core.finetune(
            toy, data=doubled[0], settings={"targets": ["y"], "split.column": "y", "split.group": True}
        )


def test_the_first_of_each_set_of_equal_rows():
    first, group = first_of_each(np.array([5, 3, 5, 9, 3]))
    assert (first.tolist(), group.tolist()) == ([0, 1, 3], [0, 1, 0, 2, 1])
