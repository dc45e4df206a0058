"""The unit of a paired difference is the pre-training, and the table says so."""

from __future__ import annotations

import pytest
from scipy import stats

from sma_bench.comparison import ArmResult, differences
from sma_bench.outcome import paired, unit_of
from sma_bench.suites import Suite

SEEDS = (0, 1, 2, 3, 4, 5)


def row(arm: str, test: list[float], starts: list[int | None], method: str = "finetune") -> ArmResult:
    return ArmResult("t", "rmse", arm, {}, SEEDS, tuple(test), tuple(test), method, tuple(starts))


GUIDED = row("guided", [1.0, 2.0, 3.0, 1.2, 2.2, 3.6], [0, 1, 2, 0, 1, 2])
RANDOM = row("random", [1.1, 2.0, 3.3, 1.1, 2.6, 3.8], [0, 1, 2, 0, 1, 2])
NONE = row("none", [2.0, 2.5, 3.0, 2.0, 2.2, 3.0], [None] * 6)
COUNTED = row("counted", [4.0, 4.5, 4.0, 4.0, 4.2, 4.1], [None] * 6, "baseline")


def compared(*rows: ArmResult):
    return differences(rows, {"t": False})


@pytest.mark.parametrize("other", [RANDOM, NONE, COUNTED])
def test_splits_of_a_pretraining_are_averaged_before_the_test(other):
    (found,) = compared(GUIDED, other)
    deltas = [one - two for one, two in zip(GUIDED.test, other.test, strict=True)]
    means = [(deltas[start] + deltas[start + 3]) / 2 for start in range(3)]
    test = stats.ttest_1samp(means, 0.0).confidence_interval(0.95)
    assert found.mean == pytest.approx(sum(means) / 3)
    assert found.interval == pytest.approx((test.low, test.high))
    assert (found.unit, found.units, found.seeds, found.fixed) == ("pre-training", 3, 6, ())
    assert unit_of(found) == "3 pre-trainings, 6 splits"


def test_without_pretraining_the_unit_is_the_split():
    (found,) = compared(NONE, COUNTED)
    test = stats.ttest_rel(NONE.test, COUNTED.test).confidence_interval(0.95)
    assert found.interval == pytest.approx((test.low, test.high))
    assert unit_of(found) == "6 splits"


def test_one_pretraining_covers_splits_only_and_says_so():
    guided, random = (row(arm.arm, list(arm.test), [0] * 6) for arm in (GUIDED, RANDOM))
    found, against_none, _ = compared(guided, random, NONE)
    assert (found.unit, found.units) == ("split", 6)
    assert unit_of(found) == "6 splits; one pre-training of guided and random, so the interval covers splits only"
    assert unit_of(against_none) == "6 splits; one pre-training of guided, so the interval covers splits only"


def test_a_run_of_ones_own_is_one_pretraining():
    older = row("older", list(RANDOM.test), [0] * 6)
    (found,) = compared(GUIDED, older)
    assert (found.unit, found.units, found.fixed) == ("pre-training", 3, ("older",))
    assert unit_of(found) == "3 pre-trainings, 6 splits; older has one pre-training"


def test_methods_are_compared_within_themselves_and_with_baselines():
    probed = row("guided", list(GUIDED.test), [0, 1, 2, 0, 1, 2], "probe")
    pairs = {(item.arm, item.other, item.method) for item in compared(GUIDED, NONE, probed, COUNTED)}
    assert pairs == {
        ("guided", "none", "finetune"),
        ("guided", "counted", "finetune"),
        ("none", "counted", "finetune"),
        ("guided", "counted", "probe"),
    }


def test_the_table_names_the_unit():
    suite = Suite.model_validate({"summary": "x", "domain": "toy", "tasks": {"t": {}}})
    lines = list(paired(suite, compared(GUIDED, RANDOM)))
    assert "| unit |" in lines[0]
    assert "| guided - random |" in lines[2]
    assert "| 3 pre-trainings, 6 splits | 4 of 6 splits |" in lines[2]
