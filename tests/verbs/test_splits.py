"""Published splits: a column, the end of the file, few training rows; and what is said of a missing part."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sma_core
from sma_core.config import FinetuneConfig, SplitConfig
from sma_core.errors import CheckpointError, ConfigError, DataError, StoppedOnRequest
from sma_core.feeds.feed import new_feed
from sma_core.labels.labelled_rows import LabelledRows, read_labelled
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, finetune_settings

FEATURES = ["height", "width", "depth", "weight", "noise"]
ONCE = {"training.epochs": 1.0}


def read(domain: str, **settings: object) -> LabelledRows:
    """Divide the rows of a task or a file as `finetune` does, without training."""
    registry = Registry.load(domain)
    named = {name.replace("__", "."): value for name, value in settings.items()}
    config: FinetuneConfig = finetune_settings(registry, Request(settings=named)).config
    return read_labelled(registry, config, new_feed(registry, config.data))


def numbers(rows: LabelledRows, part: str) -> list[int]:
    """Row numbers of a part, in their order."""
    return rows.store.row_numbers[rows.parts[part]].tolist()


def own_file(folder: Path, column: str, values: list[str]) -> Path:
    """Write words with their lengths, and the values of a column."""
    from toy_domain.words import make_words

    path = folder / "mine.csv"
    lines = [f"{word},{len(word)},{value}" for word, value in zip(make_words(len(values), 3), values, strict=True)]
    path.write_text("\n".join([f"word,y,{column}", *lines]) + "\n")
    return path


def test_a_task_keeps_the_split_of_its_column(toy):
    rows = read(toy, task="parted")
    assert numbers(rows, "train") == list(range(1, 151))
    assert numbers(rows, "valid") == list(range(151, 171))
    assert numbers(rows, "test") == list(range(171, 201))
    assert rows.split == "column part"


def test_values_that_are_not_listed_are_training_and_validation_is_drawn_from_it(toy):
    rows = read(toy, task="folds")
    assert numbers(rows, "test") == list(range(3, 201, 3))
    valid, train = numbers(rows, "valid"), numbers(rows, "train")
    assert len(valid) == 13  # a tenth of 134
    assert sorted(valid + train) == [at for at in range(1, 201) if at % 3]
    assert rows.split == "column fold, validation drawn from training rows"
    assert valid == numbers(read(toy, task="folds"), "valid")
    other = read(toy, task="folds", split__seed=1, split__valid=0.5)
    assert len(numbers(other, "valid")) == 67
    assert valid != numbers(read(toy, task="folds", split__seed=1), "valid")


def test_the_end_of_the_file_is_the_test_and_rows_set_aside_count(numbers_file, toy):
    rows = read("toy-numbers", task="last")
    assert numbers(rows, "test") == list(range(501, 601))
    assert len(numbers(rows, "valid")) == 50
    assert rows.split == "last 100 rows, validation drawn from training rows"
    rows = read("toy-numbers", task="last", data__source=str(numbers_file), data__columns=FEATURES)
    assert rows.rejected == 2
    assert numbers(rows, "test") == [at for at in range(121, 221) if at not in (200, 220)]


@pytest.fixture
def numbers_file(toy, tmp_path) -> Path:
    """220 boxes of which number 200 and the last cannot be used."""
    from toy_numbers.boxes import HEADER, make_boxes

    lines = make_boxes(220, 5)
    lines[199] = "0,flat,1,2,3,4,oops,6\n"
    lines[219] = "broken\n"
    path = tmp_path / "boxes.csv"
    path.write_text(HEADER + "".join(lines))
    return path


def test_folds_that_are_numbers_divide_rows_of_numbers(numbers_of_folds):
    rows = numbers_of_folds()
    assert numbers(rows, "test") == list(range(5, 601, 5))
    assert numbers(rows, "valid") == list(range(4, 601, 5))
    assert len(numbers(rows, "train")) == 200
    assert rows.split == "column fold, 200 of 360 training rows"
    assert rows.store.metadata.columns == ("height", "width", "depth", "weight", "noise")


@pytest.fixture
def numbers_of_folds(toy):
    """Return a function that divides the boxes by their folds."""
    return lambda **settings: read("toy-numbers", task="folded", **settings)


def test_smaller_subsets_are_in_larger_ones_and_the_other_parts_stay(numbers_of_folds):
    subsets = {count: numbers_of_folds(split__train_rows=count) for count in (10, 100, 360)}
    small, middle, whole = (set(numbers(subsets[count], "train")) for count in (10, 100, 360))
    assert (len(small), len(middle), len(whole)) == (10, 100, 360)
    assert small < middle < whole
    for part in ("valid", "test"):
        assert numbers(subsets[10], part) == numbers(subsets[360], part)
    assert small != set(numbers(numbers_of_folds(split__train_rows=10, split__seed=1), "train"))


def test_validation_is_drawn_before_the_subset_is_taken(toy):
    few, all_of_them = read(toy, task="folds", split__train_rows=20), read(toy, task="folds")
    assert numbers(few, "valid") == numbers(all_of_them, "valid")
    assert set(numbers(few, "train")) < set(numbers(all_of_them, "train"))


def test_a_splitter_that_is_named_wins_and_a_subset_goes_with_it(toy):
    rows = read(toy, task="parted", split__name="random", split__train_rows=50)
    assert rows.split == "random, 50 of 160 training rows"
    assert rows.sizes() == {"train": 50, "valid": 20, "test": 20}
    assert numbers(rows, "test") != list(range(171, 201))
    assert read("toy-numbers", task="last", split__name="random").split == "random"


def test_folds_divide_the_rows_and_say_which_they_are(toy):
    tests = [read(toy, split__name="k-fold", split__folds=4, split__fold=fold) for fold in (1, 2, 3, 4)]
    assert sorted(number for rows in tests for number in numbers(rows, "test")) == list(range(1, 201))
    assert tests[1].split == "k-fold, fold 2 of 4"
    assert tests[1].sizes() == {"train": 130, "valid": 20, "test": 50}
    assert read(toy, split__name="k-fold").split == "k-fold, fold 1 of 5"
    assert len({rows.fingerprint() for rows in tests}) == 4


def test_a_stratified_split_gets_the_labels(toy):
    rows = read(toy, task="flags", split__name="stratified")
    shares = [np.mean(rows.labels(part)[:, 0]) for part in rows.parts]
    assert shares == pytest.approx([shares[0]] * 3, abs=0.04)
    assert rows.split == "stratified"
    rows = read("toy-numbers", task="last", split__name="stratified")
    assert rows.sizes() == {"train": 480, "valid": 60, "test": 60}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"split__fold": 2}, "set split.name to k-fold, or leave them out"),
        ({"split__column": "part", "split__folds": 3, "task": "parted"}, "set split.name to k-fold"),
        ({"split__name": "k-fold", "split__fold": 6}, "split.fold is 6, but there are 5 folds"),
        ({"split__name": "k-fold", "split__folds": 1}, "split.folds"),
        ({"split__name": "stratified", "task": "marks"}, "per-position labels belong to positions"),
    ],
)
def test_folds_and_strata_that_cannot_be_get_a_sentence(toy, settings, sentence):
    with pytest.raises((ConfigError, DataError), match=sentence):
        read(toy, **settings)


def test_a_column_that_is_named_wins_over_those_of_the_task(toy, tmp_path):
    rows = read(toy, task="folds", split__column="part")
    assert rows.sizes() == {"train": 150, "valid": 20, "test": 30}
    assert read(toy, task="vowels").split == "random"


def test_a_file_of_ones_own_is_divided_by_its_column(toy, run_sma, tmp_path):
    file = own_file(tmp_path, "where", ["train"] * 50 + ["validation", "val"] * 10 + [" TEST"] * 20)
    arguments = ["--data", file, "--target", "y", "--split-column", "where", "--set", "training.epochs=1"]
    done = run_sma("finetune", "--domain", toy, *arguments, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "50 train, 20 valid, 20 test (0 set aside)" in done.stdout
    assert "split: column where" in done.stdout.splitlines()
    assert json.loads((tmp_path / "run" / "results.json").read_text())["split"] == "column where"
    facts = json.loads((tmp_path / "run" / "model.json").read_text())
    assert facts["split"].pop("fingerprint")
    assert facts["split"] == {"name": "column where", "seed": 0, "rows": {"train": 50, "valid": 20, "test": 20}}


def test_a_file_of_numbers_without_named_features_is_divided_by_its_column(numbers, tmp_path):
    values = np.random.default_rng(0).normal(size=(60, 2))
    names = ["small", "large"]
    lines = [
        f"{x:.3f},{y:.3f},{names[int(x > 0)]},{'test' if at % 4 == 0 else 'train'}"
        for at, (x, y) in enumerate(values)
    ]
    file = tmp_path / "mine.csv"
    file.write_text("x,y,size,part\n" + "\n".join(lines) + "\n")
    settings = {**ONCE, "targets": ["size"], "split.column": "part"}
    result = sma_core.finetune(numbers, data=str(file), settings=settings, out=tmp_path / "run")
    assert result.kind == "binary"
    assert result.rows == {"train": 41, "valid": 4, "test": 15}
    assert json.loads((result.run / "model.json").read_text())["scale"]["columns"] == ["x", "y"]


@pytest.mark.parametrize(
    ("values", "settings", "sentence"),
    [
        (
            ["train"] * 5 + ["tset"] + ["test"] * 3,
            {},
            r"row 6 of .*mine\.csv has 'tset' in the column 'where', which must be train, valid or test",
        ),
        (["train"] * 9 + [""], {}, "row 10 of .* has '' in the column 'where'"),
        (["train", "valid"] * 5, {}, "the column 'where' puts no row into the test: .* 'train', 'valid' only"),
        (["test", "valid"] * 5, {}, "the column 'where' puts no row into the training part"),
        (["train", "test"] * 2, {}, r"split\.valid, a share of 0\.1 of the 2 training rows .* leaves no row"),
        (
            ["train", "valid", "test"] * 4,
            {"split.train_rows": 5},
            r"5 training rows are requested, but the split of .* has 4: lower split\.train_rows",
        ),
        (["train", "test"] * 9, {"split.column": "wher"}, "no column 'wher'.*did you mean 'where'"),
        (["train", "test"] * 9, {"split.name": "random"}, "give split.name or split.column, not both"),
    ],
)
def test_what_cannot_be_divided_gets_a_sentence(toy, tmp_path, values, settings, sentence):
    file = own_file(tmp_path, "where", values)
    settings = {"targets": ["y"], "split.column": "where", **settings}
    with pytest.raises((DataError, ConfigError), match=sentence):
        sma_core.finetune(toy, data=str(file), settings=settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_that_is_no_longer_than_its_test_gets_a_sentence(numbers, tmp_path):
    from toy_numbers.boxes import HEADER, make_boxes

    (tmp_path / "few.csv").write_text(HEADER + "".join(make_boxes(80, 5)))
    with pytest.raises(DataError, match=r"the last 100 of the 80 rows of .* leaves no usable row for training"):
        read(numbers, task="last", data__source=str(tmp_path / "few.csv"), data__columns=FEATURES)


def test_a_run_does_not_go_on_with_another_split(toy, tmp_path):
    from sma_core.plugins.events import StepLogged

    def stop(event):
        if isinstance(event, StepLogged) and event.step == 3:
            raise RuntimeError("killed")

    with pytest.raises((StoppedOnRequest, RuntimeError)):
        sma_core.finetune(toy, task="parted", settings=ONCE, out=tmp_path / "run", observers=[stop])
    path = tmp_path / "run" / "model.json"
    facts = json.loads(path.read_text())
    facts["split"]["name"] = "random"
    path.write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match=r"began with the split 'random', .* now split by 'column part'"):
        sma_core.finetune(resume=str(tmp_path / "run"))
    facts["split"]["name"] = "column part"
    path.write_text(json.dumps(facts))
    assert sma_core.finetune(resume=str(tmp_path / "run")).split == "column part"


def test_naming_a_way_clears_the_other_of_a_lower_layer():
    from sma_core.config.layers import Layer, resolve

    layers = [Layer("recipe", {"domain": "toy", "split": {"name": "random"}})]
    named = resolve(FinetuneConfig, [*layers, Layer("options", {"split": {"column": "part"}})]).config
    assert named.split == SplitConfig(column="part")
    with pytest.raises(ConfigError, match=r"split\.train_rows"):
        resolve(FinetuneConfig, [*layers, Layer("options", {"split": {"train_rows": 0}})])
