"""What difference a suite can see is known before it runs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from sma_bench.comparison import Difference
from sma_bench.power import power_lines, suite_power, visible_difference
from sma_bench.suites import Suite
from tests.support.fixtures import SUPPORT


def suite(**changes: object) -> Suite:
    facts = {"summary": "x", "domain": "toy", "seeds": [0, 1, 2, 3, 4, 5], "tasks": {"t": {}}}
    return Suite.model_validate({**facts, **changes})


def finished(unit: str = "split", units: int = 6, **changes: object) -> Difference:
    facts = {"method": "finetune", "unit": unit, "units": units, "spread": 0.4, **changes}
    return Difference("t", "rmse", "guided", "random", 0.1, None, 3, 6, **facts)


@pytest.mark.parametrize("units", [6, 10, 30])
def test_the_visible_difference_is_seen_four_times_in_five(units):
    seen = visible_difference(units)
    assert seen is not None
    critical = stats.t.ppf(0.975, units - 1)
    power = 1 - stats.nct.cdf(critical, units - 1, seen * np.sqrt(units))
    assert 0.75 < power < 0.85


def test_few_units_see_nothing():
    assert visible_difference(2) is None
    (found,) = suite_power(suite(seeds=[0, 1]), {"t": "rmse"}, [])
    assert (found.difference, found.in_spreads) == (None, None)
    assert "no difference can be seen with 2 splits; at least 3 are needed" in found.line()


def test_an_unknown_spread_gives_multiples_of_it():
    (found,) = suite_power(suite(), {"t": "rmse"}, [finished(units=2)])
    assert found.in_spreads == pytest.approx(2.8 / 2)
    assert (found.spread, found.difference) == (None, None)
    assert found.line() == "t (finetune): rmse 1.4 s with 6 splits; the spread s is unknown"
    assert power_lines([found])[-1].endswith("or given as spread in the suite's task")


def test_the_spread_comes_from_the_suite_until_three_pairs_are_finished():
    described = suite(tasks={"t": {"spread": 0.1}})
    (before,) = suite_power(described, {"t": "rmse"}, [finished(units=2)])
    assert (before.source, before.difference) == ("from the suite", pytest.approx(0.14))
    (after,) = suite_power(described, {"t": "rmse"}, [finished(units=3)])
    assert (after.source, after.pair) == ("from finished cells", ("guided", "random"))
    assert after.difference == pytest.approx(0.56)
    assert after.line() == (
        "t (finetune): rmse 0.56 with 6 splits; spread 0.4 of guided - random, from finished cells"
    )


def test_with_several_pretrainings_their_number_decides():
    described = suite(pretraining={"seeds": [0, 1, 2]}, methods=["finetune", "probe"])
    by_split, by_start = finished(), finished("pre-training", 3, spread=0.2, method="probe")
    tuned, probed = suite_power(described, {"t": "rmse"}, [by_split, by_start])
    assert (tuned.unit, tuned.units, tuned.spread) == ("pre-training", 3, None)
    assert (probed.spread, probed.difference) == (0.2, pytest.approx(2.8 * 0.2))


def test_a_suite_without_pretraining_is_judged_by_its_splits():
    (found,) = suite_power(suite(arms=["none"], pretraining={"seeds": [0, 1, 2]}), {"t": "rmse"}, [])
    assert (found.unit, found.units) == ("split", 6)


def test_a_dry_run_prints_the_power_and_json_has_it(toy, run_sma):
    path = SUPPORT / "toy_domain" / "suites" / "words.toml"
    printed = run_sma("benchmark", path, "--dry-run")
    assert "vowels (finetune): no difference can be seen with 2 splits" in printed.stderr
    plan = json.loads(run_sma("benchmark", path, "--dry-run", "--json").stdout)
    assert [(item["task"], item["units"]) for item in plan["power"]] == [("vowels", 2)]
