"""Splits for few labels: nested, disjoint, and with the test where it is due."""

import numpy as np
import pytest

from sma_core.feeds.feed import new_feed
from sma_core.labels.labelled_rows import read_labelled
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, finetune_settings
from sma_physics import splits
from sma_physics.plugin import BUDGETS

ROWS = 40_000
COUNTS = {"100": 100, "1k": 1_000, "10k": 10_000, "100k": 100_000}


def split(family, budget, rows=ROWS, seed=0):
    return getattr(splits, f"{family}_{budget}")([""] * rows, 0.1, 0.1, seed)


@pytest.mark.parametrize("family", BUDGETS)
def test_smaller_subsets_are_inside_larger_ones(family):
    before = None
    for budget in BUDGETS[family]:
        train, valid, test = (set(part.tolist()) for part in split(family, budget))
        assert len(train | valid | test) == len(train) + len(valid) + len(test)
        assert len(train) == min(COUNTS.get(budget, len(train)), len(train))
        assert len(valid) <= len(train)
        if before is not None:
            assert before[0] <= train
            assert before[1] <= valid
            assert before[2] == test
        before = train, valid, test
    assert len(train | valid | test) == ROWS


def test_labels_are_as_many_as_named():
    assert [len(part) for part in split("toy", "100")] == [100, 100, 4000]
    assert [len(part) for part in split("toy", "1k")] == [1000, 1000, 4000]
    assert [len(part) for part in split("toy", "10k")] == [10_000, 4000, 4000]
    assert [len(part) for part in split("higgs", "10k", 23_471)] == [10_000, 2347, 5000]
    assert [len(part) for part in split("higgs", "all", 23_471)] == [16_124, 2347, 5000]


def test_rotated_tests_cover_all_rows_once():
    tests = [split("rotated", "1k", 23_471, seed=seed)[2] for seed in range(5)]
    np.testing.assert_array_equal(np.sort(np.concatenate(tests)), np.arange(23_471))
    assert {len(test) for test in tests} == {4694, 4695}
    np.testing.assert_array_equal(split("rotated", "10k", 23_471, seed=7)[2], tests[2])


def test_fixed_tests_stand_where_they_are_published():
    np.testing.assert_array_equal(split("higgs", "1k", 23_471, seed=3)[2], np.arange(5000))
    np.testing.assert_array_equal(split("uci", "1k", 1_100_000, seed=3)[2], np.arange(600_000, 1_100_000))
    np.testing.assert_array_equal(split("higgs", "1k", 600)[2], np.arange(60))
    np.testing.assert_array_equal(split("uci", "1k", 600)[2], np.arange(540, 600))


@pytest.mark.parametrize("family", BUDGETS)
def test_the_seed_decides(family):
    first, again, other = (split(family, "1k", seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_splits_are_the_same_with_every_numpy():
    assert split("toy", "100")[0][:5].tolist() == [501, 529, 1032, 1167, 1668]


@pytest.mark.parametrize(("budget", "train"), [("100", 100), ("1k", 1_000), ("all", 45_000)])
def test_the_authors_protocol_keeps_the_number_of_labels(own_cache, budget, train):
    registry = Registry.load("physics")

    def read(protocol):
        request = Request(settings={"task": f"toy-{budget}", "split.protocol": protocol})
        config = finetune_settings(registry, request).config
        return read_labelled(registry, config, new_feed(registry, config.data))

    usual, authors = read("validation"), read("authors")
    assert authors.sizes() == {"train": train, "valid": 0, "test": 5_000}
    assert set(usual.parts["train"].tolist()) <= set(authors.parts["train"].tolist())
    assert usual.parts["test"].tolist() == authors.parts["test"].tolist()
    assert authors.split.endswith("validation rows join training" if budget == "all" else "rows are unused")
