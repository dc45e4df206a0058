"""Batches and packed inputs: every row once, pure functions, little padding."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sma_core.data.batching.hashing import chosen, hashed, shuffled
from sma_core.data.batching.packing import pack, plan_epoch, successor_ends
from sma_core.data.batching.sampling import batches
from sma_core.errors import DataError

HASHES = [16886114407743784434, 7276452696135751452, 5680667148098334032]
SHUFFLED = [0, 5, 7, 3, 4, 2, 1, 6]
LENGTHS = st.lists(st.integers(1, 40), max_size=300).map(lambda values: np.array(values, dtype=np.int32))


def molecule_lengths(count: int) -> np.ndarray:
    return np.clip(np.random.default_rng(0).normal(55, 20, count), 3, 512).astype(np.int32)


def same(one, other) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(np.concatenate(a), np.concatenate(b)) for a, b in zip(one, other, strict=True)
    )


def test_hashes_never_change():
    assert hashed(np.array([0, 1, 2]), 7).tolist() == HASHES
    assert shuffled(8, 1, 2, 3).tolist() == SHUFFLED


def test_the_chosen_share_is_the_share():
    numbers = np.arange(1, 100_001)
    assert abs(chosen(numbers, 0.02, 0).mean() - 0.02) < 0.002
    assert chosen(numbers, 1.0, 0).sum() >= 99_999
    assert not chosen(numbers, 0.0, 0).any()
    assert (chosen(numbers, 0.5, 0) != chosen(numbers, 0.5, 1)).any()


@given(LENGTHS, st.integers(1, 40), st.integers(0, 3))
def test_every_row_occurs_once_and_batches_are_full_but_one(lengths, batch_size, epoch):
    found = batches(lengths, batch_size, 5, epoch, pool_batches=4)
    assert sorted(np.concatenate(found).tolist() if found else []) == list(range(len(lengths)))
    smaller = [len(batch) for batch in found if len(batch) != batch_size]
    assert smaller == ([len(lengths) % batch_size] if len(lengths) % batch_size else [])


def test_batches_depend_on_seed_and_epoch_alone():
    lengths = molecule_lengths(5000)
    first = np.concatenate(batches(lengths, 32, 1, 1))
    assert np.array_equal(first, np.concatenate(batches(lengths.astype(np.int64), 32, 1, 1)))
    assert not np.array_equal(first, np.concatenate(batches(lengths, 32, 1, 2)))
    assert not np.array_equal(first, np.concatenate(batches(lengths, 32, 2, 1)))


def test_the_remainder_can_be_dropped_but_not_everything():
    lengths = molecule_lengths(100)
    assert [len(batch) for batch in batches(lengths, 32, 0, 0, drop_last=True)] == [32, 32, 32]
    assert [len(batch) for batch in batches(lengths[:5], 32, 0, 0, drop_last=True)] == [5]


def test_little_is_padded():
    lengths = molecule_lengths(50_000)
    found = batches(lengths, 64, 0, 0)
    padded = sum(int(lengths[batch].max()) * len(batch) for batch in found)
    assert 1 - lengths.sum() / padded < 0.04


def test_batch_order_does_not_follow_length():
    lengths = molecule_lengths(50_000)
    means = np.array([lengths[batch].mean() for batch in batches(lengths, 64, 0, 0)])
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.1


@given(LENGTHS, st.integers(0, 3))
def test_packed_inputs_hold_every_row_once_and_never_too_much(lengths, epoch):
    rows, bounds = pack(lengths, 40, 0, epoch)
    assert sorted(rows.tolist()) == list(range(len(lengths)))
    totals = [int(lengths[rows[a:b]].sum()) for a, b in itertools.pairwise(bounds)]
    assert all(0 < total <= 40 for total in totals)


def test_packed_inputs_are_filled():
    lengths = molecule_lengths(50_000)
    plan = plan_epoch(lengths, 32, "concat", 512, 0, 0)
    inputs = len(plan.starts)
    assert lengths.sum() / (inputs * 512) > 0.95
    assert sum(len(batch) for batch in plan) == inputs


@pytest.mark.parametrize("packing", ["single", "concat"])
def test_a_plan_is_pure_and_reachable_by_number(packing):
    lengths = molecule_lengths(3000)
    plan = plan_epoch(lengths, 16, packing, 512, 3, 4)
    again = plan_epoch(lengths, 16, packing, 512, 3, 4)
    assert same(list(plan), [again[i] for i in range(len(again))])
    assert not same(list(plan), list(plan_epoch(lengths, 16, packing, 512, 3, 5)))
    rows = np.concatenate([np.concatenate(groups) for groups in plan])
    assert sorted(rows.tolist()) == list(range(3000))
    assert sum(len(groups) < 16 for groups in plan) <= 1


@given(LENGTHS)
def test_every_row_starts_an_input_and_is_followed_by_all_successors_that_fit(lengths):
    ends = successor_ends(lengths, 40)
    assert len(ends) == len(lengths)
    for start, end in enumerate(ends.tolist()):
        assert start < end <= len(lengths)
        assert lengths[start:end].sum() <= 40
        assert end == len(lengths) or lengths[start : end + 1].sum() > 40


def test_an_epoch_of_successors_has_as_many_inputs_as_rows():
    lengths = molecule_lengths(3000)
    plan = plan_epoch(lengths, 16, "successors", 512, 3, 4)
    inputs = [group.tolist() for groups in plan for group in groups]
    assert sorted(group[0] for group in inputs) == list(range(3000))
    assert all(group == list(range(group[0], group[0] + len(group))) for group in inputs)
    assert sum(len(groups) < 16 for groups in plan) <= 1
    assert len(plan) == 188
    assert sum(map(len, inputs)) > 8 * 3000  # about nine molecules of 55 ids in 512


def test_successors_are_shuffled_by_seed_and_epoch_alone():
    lengths = molecule_lengths(3000)
    plan = plan_epoch(lengths, 16, "successors", 512, 3, 4)
    again = plan_epoch(lengths.astype(np.int64), 16, "successors", 512, 3, 4)
    assert same(list(plan), [again[i] for i in range(len(again))])
    assert not same(list(plan), list(plan_epoch(lengths, 16, "successors", 512, 3, 5)))
    assert not same(list(plan), list(plan_epoch(lengths, 16, "successors", 512, 4, 4)))


@pytest.mark.parametrize("packing", ["concat", "successors"])
def test_a_row_longer_than_an_input_is_refused(packing):
    with pytest.raises(DataError, match="a row of 600 ids is longer"):
        plan_epoch(np.array([3, 600]), 2, packing, 512, 0, 0)
