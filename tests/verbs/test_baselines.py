"""Baselines that fine-tuning scores beside the model, on the same split and with the same metrics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sma_core
from sma_core.errors import PluginError
from sma_core.evaluation.baselines import BaselineRows, constant
from sma_core.feeds.feed import new_feed
from sma_core.labels import baselines
from sma_core.labels.labelled_rows import read_labelled
from sma_core.plugins import Baseline, hookimpl
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, finetune_settings

ONCE = {"training.epochs": 1.0}


@pytest.fixture
def with_baselines(toy, monkeypatch):
    """Return a function that adds baselines, by the name of their function, to the toy domain."""

    def add(*names, module="toy_domain.guesses", kinds=("regression",)):
        import toy_domain.plugin

        specs = [
            Baseline(
                name=name.replace("_", "-"), summary="A guess.", factory=f"{module}:{name}", kinds=tuple(kinds)
            )
            for name in names
        ]
        monkeypatch.setattr(toy_domain.plugin, "sma_baselines", hookimpl(lambda: specs), raising=False)
        return toy

    return add


def results_of(registry, settings=None):
    config = finetune_settings(registry, Request("tiny", None, settings or {})).config
    rows = read_labelled(registry, config, new_feed(registry, config.data))
    return rows, {item.name: item for item in baselines.run_baselines(registry, rows, config.split.seed)}


def test_finetune_prints_the_baselines_beside_its_figure_and_keeps_them(with_baselines, run_sma):
    toy = with_baselines("count_vowels")
    done = run_sma("finetune", "--domain", toy, "--set", "training.epochs=1", "--out", "run")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("baseline ")]
    assert [line.split()[1:4] for line in lines][1] == ["count-vowels", "rmse", "0.0000"]
    assert lines[0].startswith("baseline constant      rmse ")
    assert all(line.endswith(" s)") for line in lines)
    kept = json.loads(Path("run/results.json").read_text())["baselines"]
    assert [item["name"] for item in kept] == ["constant", "count-vowels"]
    assert kept[1]["test"]["rmse"] == 0.0
    card = Path("run/README.md").read_text()
    assert "| `count-vowels` | 0 | 0 |" in card
    assert "- `count-vowels`: A guess." in card


def test_no_baselines_leaves_them_out_also_when_a_run_is_resumed(with_baselines, run_sma):
    toy = with_baselines("count_vowels")
    arguments = ("--set", "training.epochs=1", "--json")
    done = run_sma("finetune", "--domain", toy, *arguments, "--no-baselines", "--out", "run")
    assert json.loads(done.stdout)["baselines"] == []
    assert "Baselines" not in Path("run/README.md").read_text()
    again = run_sma("finetune", "--resume", "run", "--set", "baselines=true", "--json")
    assert len(json.loads(again.stdout)["baselines"]) == 2


def test_a_baseline_gets_no_label_of_the_test(with_baselines):
    from toy_domain.guesses import SEEN

    registry = Registry.load(with_baselines("count_vowels"))
    rows, results = results_of(registry)
    seen: BaselineRows = SEEN[-1]
    known = np.concatenate([seen.train, seen.valid])
    assert not np.isnan(seen.labels[known]).any()
    assert np.isnan(np.delete(seen.labels, known)).all()
    assert results["count-vowels"].rows == rows.sizes()


def test_large_sets_are_reduced_and_the_output_says_so(with_baselines, monkeypatch, run_sma):
    monkeypatch.setattr(baselines, "LARGEST", {"train": 10, "valid": 20, "test": 7})
    toy = with_baselines("count_vowels")
    done = run_sma("finetune", "--domain", toy, "--set", "training.epochs=1", "--out", "run")
    assert "trained on 10 of 160 rows, tested on 7 of 20 rows)" in done.stdout
    assert "| 10 of 160 train, 7 of 20 test |" in Path("run/README.md").read_text()


def test_a_baseline_of_another_kind_is_not_run(with_baselines):
    _, results = results_of(Registry.load(with_baselines("count_vowels")), {"task": "first"})
    assert list(results) == ["constant"]
    _, results = results_of(Registry.load(with_baselines("count_vowels")), {"task": "marks"})
    assert results == {}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("not_here", "it needs a_package_that_is_not_here: pip install a-package-that-is-not-here"),
        ("too_few", "must return 200 x 1 predictions, not 3 x 1"),
        ("not_finite", "the baseline 'not-finite' of toy-domain 1.0 must return finite predictions; row "),
        ("breaks", "it failed: ZeroDivisionError"),
    ],
)
def test_a_baseline_that_cannot_run_does_not_lose_the_fine_tuning(
    with_baselines, run_sma, monkeypatch, name, said
):
    monkeypatch.delenv("SMA_STRICT_PLUGINS", raising=False)
    toy = with_baselines(name)
    done = run_sma("finetune", "--domain", toy, "--set", "training.epochs=1", "--out", "run")
    assert done.returncode == 0
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("not run: ")]
    assert said in line
    assert "baseline constant  rmse" in done.stdout
    strict = Registry.load(toy, PluginPolicy(strict=True))
    if name == "not_here":
        assert results_of(strict)[1]["not-here"].left_out == said
    else:
        with pytest.raises(PluginError):
            results_of(strict)


def test_the_row_without_a_finite_prediction_is_that_of_the_file(with_baselines):
    rows, results = results_of(Registry.load(with_baselines("not_finite"), PluginPolicy(strict=False)))
    number = rows.store.row_number(rows.parts["valid"][3])
    assert results["not-finite"].left_out.endswith(f"must return finite predictions; row {number} is nan")


def test_a_module_that_is_missing_is_named_once_for_all_its_baselines(with_baselines, run_sma):
    toy = with_baselines("one", "two", module="a_package_that_is_not_here.models")
    done = run_sma("finetune", "--domain", toy, "--set", "training.epochs=1", "--out", "run")
    assert "not run: one, two: it needs a_package_that_is_not_here: pip install" in done.stdout


@pytest.mark.parametrize(
    ("kind", "classes", "labels", "expected"),
    [
        ("regression", (), [[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]], [[2.0, 0.0]]),
        ("multiclass", ("a", "b"), [[1.0], [0.0], [1.0], [np.nan]], [[1 / 3, 2 / 3]]),
    ],
)
def test_the_constant_is_the_mean_of_known_training_labels(kind, classes, labels, expected):
    known = np.array([*labels, [np.nan] * len(labels[0])])
    rows = BaselineRows([""] * len(known), known, kind, classes, np.arange(len(labels)), np.arange(0), 0)
    assert constant(rows) == pytest.approx(np.repeat(expected, len(known), axis=0))


def test_the_python_function_has_them_too(with_baselines, tmp_path):
    result = sma_core.finetune(with_baselines("count_vowels"), settings=ONCE, out=tmp_path / "run")
    assert [item.name for item in result.baselines] == ["constant", "count-vowels"]
