"""Arms by name, probes, and low-label curves: what a suite expands to."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from sma_bench.cells import Cell, Pretraining, cells
from sma_bench.find_suite import find_suite
from sma_bench.suites import Suite, task_cases

SUITE = {
    "summary": "A suite.",
    "domain": "toy",
    "seeds": [0, 1],
    "pretraining": {"settings": {"training.steps": 4, "model.layers": 1}},
    "finetuning": {
        "settings": {"training.epochs": 1.0, "training.batch_size": 8, "split.name": "random"},
        "sweep": {"training.learning_rate": [0.1, 0.2]},
    },
    "tasks": {"vowels": {}},
}


def suite(**changes: object) -> Suite:
    return Suite.model_validate({**SUITE, **changes})


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "suite.toml"
    path.write_text(f"summary = 'x'\ndomain = 'toy'\n{text}")
    return str(path)


def test_an_arm_pretrains_with_the_strategy_of_its_name(toy, tmp_path):
    found, _, _ = find_suite(written(tmp_path, "arms = ['contextual', 'none']\n[tasks.vowels]"))
    strategies = {cell.start.settings["masking.strategy"] for cell in cells(found) if cell.start}
    assert strategies == {"contextual"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arms = ['guidid']\n[tasks.vowels]", "the arm 'guidid' is neither none nor a masking strategy"),
        ("[tasks.vowel]", "no task 'vowel': did you mean 'vowels'"),
        ("[tasks.mine]\ntask = 'vowel'", "no task 'vowel': did you mean 'vowels'"),
    ],
)
def test_unknown_names_are_refused_with_the_suite(toy, tmp_path, run_sma, text, said):
    printed = run_sma("benchmark", written(tmp_path, text), "--dry-run")
    assert printed.returncode == 2
    assert said in printed.stderr
    assert "suite.toml" in printed.stderr
    assert len(printed.stderr.strip().splitlines()) == 1


def test_a_probe_is_a_cell_without_the_sweep_of_fine_tuning():
    both = cells(suite(arms=["guided", "none"], methods=["finetune", "probe"]))
    assert [(cell.method, cell.arm) for cell in both if cell.seed == 0] == [
        *[("finetune", "guided")] * 2, *[("finetune", "none")] * 2, ("probe", "guided"), ("probe", "none"),
    ]  # fmt: skip
    tuned = cells(suite(arms=["guided", "none"]))
    assert [cell.name for cell in both if cell.method == "finetune"] == [cell.name for cell in tuned]
    assert len({cell.name for cell in both}) == len(both)


def test_a_probe_starts_from_the_pretraining_and_ignores_how_fine_tuning_trains():
    def probes(**finetuning: object) -> list[Cell]:
        return cells(suite(arms=["guided", "none"], methods=["probe"], finetuning={"settings": finetuning}))

    guided, none = probes(**SUITE["finetuning"]["settings"])[:2]
    assert isinstance(guided.start, Pretraining)
    assert guided.settings == {"split.name": "random", "training.batch_size": 8, "split.seed": 0}
    assert none.start is None
    assert none.settings == {**guided.settings, "model.layers": 1, "training.seed": 0}
    longer, _ = probes(**{**SUITE["finetuning"]["settings"], "training.epochs": 9.0, "head": "mean"})[:2]
    assert longer.name == guided.name


def test_a_task_may_have_methods_of_its_own():
    found = cells(suite(arms=["none"], tasks={"vowels": {"methods": ["probe"]}, "flags": {}}))
    assert {(cell.task, cell.method) for cell in found} == {("vowels", "probe"), ("flags", "finetune")}


def test_a_task_may_leave_out_the_baselines():
    tasks, baselines = (
        {"vowels": {}, "marks": {"baselines": False}},
        {"counted": "toy_domain.guesses:count_vowels"},
    )
    found = cells(suite(arms=["none"], tasks=tasks, baselines=baselines))
    assert {cell.task for cell in found if cell.baseline} == {"vowels"}


def test_numbers_of_training_rows_are_rows_of_the_table():
    part = {"task": "vowels", "train_rows": [50, 1000, "all"], "settings": {"training.epochs": 2.0}}
    found = suite(arms=["none"], seeds=[0], tasks={"words": part}, finetuning={})
    assert [(case.name, case.title) for case in task_cases(found)] == [
        ("words-50", "words, 50 rows"), ("words-1000", "words, 1,000 rows"), ("words", "words, all rows"),
    ]  # fmt: skip
    few, more, every = cells(found)
    assert {cell.case.task for cell in (few, more, every)} == {"vowels"}
    assert (few.settings["split.train_rows"], more.settings["split.train_rows"]) == (50, 1000)
    assert "split.train_rows" not in every.settings


def test_all_rows_of_a_curve_are_the_cells_that_were_there_before():
    curve = suite(tasks={"vowels": {"train_rows": [50, "all"]}})
    before = [cell.name for cell in cells(suite())]
    assert [cell.name for cell in cells(curve) if cell.task == "vowels"] == before


def test_one_task_may_stand_for_several_parts():
    tasks = {"short": {"task": "vowels"}, "long": {"task": "vowels", "settings": {"training.epochs": 9.0}}}
    found = cells(suite(arms=["none"], tasks=tasks))
    assert {(cell.task, cell.case.task) for cell in found} == {("short", "vowels"), ("long", "vowels")}
    other = cells(suite(arms=["none"], tasks={"short": {"task": "flags"}}))
    assert not {cell.name for cell in other} & {cell.name for cell in found}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tasks": {"vowels": {"train_rows": [0]}}}, "greater than or equal to 1"),
        ({"tasks": {"vowels": {"train_rows": [5], "settings": {"split.train_rows": 5}}}}, "not both"),
        ({"tasks": {"vowels": {"train_rows": [5, 5]}}}, "two tasks are named 'vowels-5'"),
        ({"tasks": {"vowels": {"train_rows": [5]}, "vowels-5": {}}}, "two tasks are named 'vowels-5'"),
        ({"tasks": {"vowels": {"methods": ["prob"]}}}, "'finetune' or 'probe'"),
        ({"methods": ["probe", "probe"]}, "methods lists 'probe' twice"),
        ({"seeds": [0, 0]}, "seeds lists 0 twice"),
        ({"seeds": [0, 1], "pretraining": {"seeds": [0, 1, 2]}}, "cannot be shared equally by 3"),
    ],
)
def test_a_suite_that_does_not_fit_together_is_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        suite(**changes)


def test_each_pretraining_has_the_same_number_of_splits():
    found = cells(suite(arms=["guided"], seeds=[0, 1, 2, 3, 4, 5], pretraining={"seeds": [7, 8, 9]}))
    splits: dict[int, set[int]] = {}
    for cell in found:
        splits.setdefault(cell.start.seed, set()).add(cell.seed)
    assert splits == {7: {0, 3}, 8: {1, 4}, 9: {2, 5}}
