"""A suite's file becomes cells, and the figures of cells become what is said."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from scipy import stats

from sma_bench.cells import Pretraining, cells, nested
from sma_bench.comparison import ArmResult, CellResult, chosen_rows, differences
from sma_bench.find_suite import find_suite
from sma_bench.suites import Suite, read_suite
from sma_bench.sweeps import turns
from sma_core.errors import ConfigError, UserError

SUITE = {
    "summary": "A suite.",
    "domain": "toy",
    "seeds": [0, 1, 2, 3],
    "pretraining": {
        "settings": {"training": {"steps": 4}, "model": {"layers": 1}},
        "sweep": {"masking.ratio": [0.1, 0.2], "model.latents": [4, 8]},
        "seeds": [0, 1],
    },
    "finetuning": {
        "settings": {"training": {"epochs": 1.0}},
        "sweep": {"training": {"learning_rate": [0.1, 0.2]}},
    },
    "tasks": {"vowels": {"settings": {"split": {"name": "random"}}}, "flags": {}},
    "baselines": {"counted": "toy_domain.guesses:count_vowels"},
}


def suite(**changes: object) -> Suite:
    return Suite.model_validate({**SUITE, **changes})


def test_every_arm_variant_and_seed_is_a_cell():
    found = [cell for cell in cells(suite()) if cell.task == "vowels"]
    count = {arm: sum(cell.arm == arm for cell in found) for arm in ("guided", "random", "none", "counted")}
    assert count == {"guided": 4 * 4 * 2, "random": 4 * 4 * 2, "none": 4 * 2 * 2, "counted": 4}


def test_the_arms_that_pretrain_are_one_setting_apart():
    starts = [cell.start for cell in cells(suite()) if isinstance(cell.start, Pretraining)]
    guided, random = ([start for start in starts if start.arm == arm] for arm in ("guided", "random"))
    for one, other in zip(guided, random, strict=True):
        assert {**one.settings, "masking.strategy": "random"} == other.settings


def test_random_weights_have_the_shape_of_the_pretrained_network_and_nothing_else_of_it():
    none = [cell for cell in cells(suite()) if cell.arm == "none"]
    assert {cell.settings["model.latents"] for cell in none} == {4, 8}
    assert all(cell.settings["model.layers"] == 1 for cell in none)
    assert not any(
        name.startswith("masking") or name == "training.steps" for cell in none for name in cell.settings
    )


def test_each_seed_takes_a_pretraining_in_turn():
    taken = {(cell.seed, cell.start.seed) for cell in cells(suite()) if isinstance(cell.start, Pretraining)}
    assert taken == {(0, 0), (1, 1), (2, 0), (3, 1)}


def test_a_cell_keeps_its_name_until_something_that_decides_it_changes():
    before = {cell.name for cell in cells(suite())}
    assert before == {cell.name for cell in cells(suite(summary="Other words."))}
    after = {cell.name for cell in cells(suite(seeds=[0, 1, 2, 3, 4, 5]))}
    assert before < after
    steps = {**SUITE["pretraining"], "settings": {"training.steps": 5}}
    changed = {cell.name for cell in cells(suite(pretraining=steps)) if cell.arm == "guided"}
    assert not changed & before


def test_names_of_cells_do_not_collide():
    names = [(cell.task, cell.name) for cell in cells(suite())]
    assert len(names) == len(set(names))


def test_settings_become_tables():
    assert nested({"split.seed": 1, "training.epochs": 2.0}) == {"split": {"seed": 1}, "training": {"epochs": 2.0}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("domain = 'toy'\nsummary = 'x'\n[tasks.vowels]\nmetrics = 'rmse'", "no setting 'tasks.vowels.metrics'"),
        ("domain = 'toy'\nsummary = 'x'", "'tasks' is missing"),
        (
            "domain = 'toy'\nsummary = 'x'\n[tasks.vowels]\n[baselines]\nnone = 'a:b'",
            "the arm 'none' is listed twice",
        ),
        ("domain = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, said: str):
    path = tmp_path / "suite.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_suite(path)


def figures(arm: str, rate: float, valid: list[float], test: list[float]) -> list[CellResult]:
    return [
        CellResult("t", arm, seed, {"rate": rate}, *pair)
        for seed, pair in enumerate(zip(valid, test, strict=True))
    ]


def test_validation_picks_the_variant_and_the_test_has_no_say():
    found = figures("guided", 0.1, [1.0, 1.2], [9.0, 9.0]) + figures("guided", 0.2, [2.0, 2.2], [1.0, 1.0])
    (row,) = chosen_rows(found, {"t": "rmse"}, {"t": False})
    assert (row.variant, row.mean) == ({"rate": 0.1}, 9.0)
    (row,) = chosen_rows(found, {"t": "r2"}, {"t": True})
    assert row.variant == {"rate": 0.2}


def test_a_variant_that_lacks_a_seed_is_not_shown():
    found = figures("guided", 0.1, [1.0], [1.0]) + figures("guided", 0.2, [2.0, 2.0], [2.0, 2.0])
    (row,) = chosen_rows(found, {"t": "rmse"}, {"t": False})
    assert row.variant == {"rate": 0.2}


def test_differences_are_those_of_the_same_seeds_with_students_interval():
    found = figures("guided", 0.1, [1.0] * 3, [1.0, 2.0, 3.0]) + figures("none", 0.1, [1.0] * 3, [1.5, 2.5, 4.0])
    rows = chosen_rows(found, {"t": "rmse"}, {"t": False})
    (difference,) = differences(rows, {"t": False})
    assert (difference.arm, difference.other, difference.better, difference.seeds) == ("guided", "none", 3, 3)
    test = stats.ttest_rel([1.0, 2.0, 3.0], [1.5, 2.5, 4.0]).confidence_interval(0.95)
    assert difference.mean == pytest.approx(-2 / 3)
    assert difference.interval == pytest.approx((test.low, test.high))


def test_one_seed_has_no_deviation_and_no_interval():
    found = figures("guided", 0.1, [1.0], [1.0]) + figures("none", 0.1, [1.0], [2.0])
    rows = chosen_rows(found, {"t": "rmse"}, {"t": False})
    assert rows[0].deviation is None
    assert differences(rows, {"t": False})[0].interval is None
    assert math.isclose(differences(rows, {"t": False})[0].mean, -1.0)


def picked(task: str, arm: str, **variant: object) -> ArmResult:
    return ArmResult(task, "rmse", arm, variant, (0,), (1.0,), (1.0,))


def small() -> Suite:
    """Return a suite in which two rates are tried on seed 0."""
    pretraining = {"settings": {"training.steps": 4}}
    return suite(seeds=[0, 1, 2], pretraining=pretraining, arms=["guided", "none"], sweep_seeds=[0])


def test_a_sweep_on_few_seeds_comes_first_and_the_others_wait_for_what_it_picks():
    every = [cell for cell in cells(small()) if cell.task == "vowels"]
    before = turns(small(), every, [])
    assert {(cell.arm, cell.seed) for cell in before.first if not cell.baseline} == {("guided", 0), ("none", 0)}
    assert [cell.seed for cell in before.first if cell.baseline] == [0, 1, 2]
    assert (len(before.first), before.later, before.unknown) == (2 * 2 + 3, [], 2 * 2)

    one = picked("vowels", "guided", **{"training.learning_rate": 0.2})
    after = turns(small(), every, [one])
    assert [(cell.arm, cell.seed, cell.variant) for cell in after.later] == [
        ("guided", 1, {"training.learning_rate": 0.2}),
        ("guided", 2, {"training.learning_rate": 0.2}),
    ]
    assert (after.first, after.unknown, len(after.known)) == (before.first, 2, 9)


def test_without_such_seeds_every_seed_sweeps():
    every = cells(suite())
    assert turns(suite(), every, []).first == every


def test_seeds_of_a_sweep_are_among_the_seeds():
    with pytest.raises(ValidationError, match="sweep_seeds has 5"):
        suite(sweep_seeds=[0, 5])


@pytest.mark.parametrize("name", ["../vowels", "/vowels", "a/b", ".", "..", "a\\b", ""])
def test_names_of_arms_and_tasks_cannot_leave_the_folder(name):
    for part in ({"tasks": {name: {}}}, {"runs": {name: "run"}}, {"baselines": {name: "a:b"}}, {"arms": [name]}):
        with pytest.raises(ValidationError):
            suite(**part)


def test_a_suite_by_name_is_one_that_ships(toy):
    for name in ("toy:../words", "toy:/words", "../words"):
        with pytest.raises(UserError):
            find_suite(name)


@pytest.mark.parametrize("part", ["pretraining", "finetuning"])
def test_secrets_of_urls_are_not_taken_from_a_suite(toy, tmp_path, part):
    path = tmp_path / "own.toml"
    path.write_text(
        "summary = 'x'\ndomain = 'toy'\n[tasks.vowels]\n"
        f"[{part}.settings]\ndata.source = ['https://me:hush@host/a.csv']\n"
    )
    with pytest.raises(ConfigError, match="password or query") as raised:
        find_suite(str(path))
    assert "hush" not in str(raised.value)


ADDED = """
from pathlib import Path
from sma_core.plugins import ShippedSuite, hookimpl

@hookimpl
def sma_suites():
    return [ShippedSuite(name="own", summary="Own", locate="other_suites:own")]

def own():
    return Path(__file__).with_name("other_suites.toml")
"""


def added(install, text, entry="any.suites"):
    """Install an extension with the suite ``own``."""
    files = {"other_suites.py": ADDED, "other_suites.toml": text}
    return install("sma-suites", {entry: "other_suites"}, files)


def test_a_suite_of_an_extension_takes_the_domain_that_is_named_and_its_task(install, toy):
    install.keep("toy-domain")
    added(install, "summary = 'x'\narms = ['random', 'none']\n")
    suite, registry, name = find_suite("toy:own")
    assert (suite.domain, list(suite.tasks), registry.name, name) == ("toy", ["vowels"], "toy", "own")
    for asked, said in (("toy:onw", "did you mean 'own'?"), ("toy:zzz", "there are own, words")):
        with pytest.raises(UserError, match=re.escape(said)):
            find_suite(asked)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("summary = 'x'\ndomain = 'other'\n", "toy:own: its domain is 'other', not 'toy'"),
        (
            "summary = 'x'\n[tasks.vowel]\n",
            "toy:own: the domain 'toy' has no task 'vowel': did you mean 'vowels'?",
        ),
        ("summary = 'x'\narms = ['guide']\n", "the arm 'guide' is neither none nor a masking strategy"),
        ("summary = 'x'\nseed = 1\n", "there is no setting 'seed'"),
    ],
)
def test_a_wrong_suite_of_an_extension_is_one_sentence(install, toy, text, said):
    install.keep("toy-domain")
    added(install, text, "toy.suites")
    with pytest.raises(UserError, match=re.escape(said)):
        find_suite("toy:own")


def test_a_suite_without_tasks_needs_a_default_task(install):
    install.toy((', task="length"', ""))
    added(install, "summary = 'x'\n")
    with pytest.raises(UserError, match="toy:own: it names no tasks, and the domain 'toy' has no default task"):
        find_suite("toy:own")
