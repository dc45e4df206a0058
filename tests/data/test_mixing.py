"""Mixtures: how many rows of each set an epoch has, and which."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.data.batching.mixing import Mixture, shares

GROUPS = (np.arange(100), np.arange(100, 130))


def test_an_epoch_has_the_shares_that_the_weights_say():
    assert Mixture(GROUPS, (3, 1), seed=0).counts == [98, 32]
    assert shares(10, (1, 1, 1)) == [4, 3, 3]
    assert shares(7, (0.2, 1e-9)) == [7, 0]


def test_all_rows_of_a_set_come_before_any_comes_again():
    mixture = Mixture(GROUPS, (1, 3), seed=0)
    rows = np.concatenate([mixture.rows(epoch) for epoch in range(6)])
    small = rows[rows >= 100]
    assert mixture.counts == [33, 97]
    for turn in range(len(small) // 30):
        assert sorted(small[turn * 30 : turn * 30 + 30]) == list(range(100, 130))
    large = rows[rows < 100][:100]
    assert len(set(large.tolist())) == 100


@pytest.mark.parametrize("epoch", [0, 3])
def test_an_epoch_is_the_same_whoever_asks_and_when(epoch):
    first, second = Mixture(GROUPS, (1, 2), seed=4), Mixture(GROUPS, (1, 2), seed=4)
    for before in range(epoch):
        first.rows(before)
    assert first.rows(epoch).tolist() == second.rows(epoch).tolist()
    assert second.rows(epoch).tolist() != second.rows(epoch + 1).tolist()
    assert second.rows(epoch).tolist() != Mixture(GROUPS, (1, 2), seed=5).rows(epoch).tolist()
