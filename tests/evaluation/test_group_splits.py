"""Splits that keep groups of rows together."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy import sparse

from sma_core.errors import DataError
from sma_core.evaluation import group_splits
from sma_core.evaluation.group_splits import assign_groups, block_split, similar_groups, similarity_split


def made(rows, features, seed=0):
    draw = np.random.default_rng(seed)
    return sparse.csr_matrix((draw.random((rows, features)) < 0.3).astype(np.float32))


def tanimoto(one, other):
    return np.minimum(one, other).sum() / np.maximum(one, other).sum()


def test_no_two_rows_of_different_parts_are_similar(monkeypatch):
    monkeypatch.setattr(group_splits, "PAIRS_IN_MEMORY", 1000)  # several blocks
    matrix = made(120, 12)
    dense = matrix.toarray()
    parts = similarity_split(matrix, 0.85, 0.2, 0.2, 0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(120))
    assert all(len(part) for part in parts)
    for number, part in enumerate(parts):
        for other in parts[number + 1 :]:
            assert max(tanimoto(dense[i], dense[j]) for i in part for j in other) < 0.85


def test_groups_are_rows_connected_by_similar_ones():
    rows = [[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0], [0, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1], [0] * 6, [0] * 6]
    groups = similar_groups(sparse.csr_matrix(np.array(rows, dtype=np.float32)), 0.7)
    assert sorted(groups) == [[0, 1, 2], [3], [4, 5]]  # 0 and 2 share 2 of 4, but both are like 1
    groups = similar_groups(sparse.csr_matrix(np.array(rows[:4], dtype=np.float32)), 0.75)
    assert len(groups) == 2
    assert len(similar_groups(sparse.csr_matrix(np.array(rows[:4], dtype=np.float32)), 0.76)) == 4


def test_a_group_larger_than_training_is_training_and_said(caplog):
    same, others = np.ones((90, 4), dtype=np.float32), np.eye(10, 14, 4, dtype=np.float32)
    matrix = sparse.csr_matrix(np.vstack([np.hstack([same, np.zeros((90, 10), dtype=np.float32)]), others]))
    with caplog.at_level(logging.WARNING):
        train, valid, test = similarity_split(matrix, 0.6, 0.1, 0.1, 0)
    assert train.tolist() == list(range(90))
    assert len(valid) == len(test) == 5
    assert "90 of 100 rows are connected by similar rows and stay in training" in caplog.text


def test_more_rows_than_can_be_compared_are_refused(monkeypatch):
    monkeypatch.setattr(group_splits, "MOST_ROWS", 10)
    with pytest.raises(DataError, match=r"at most 10 rows: choose another one with split\.name"):
        similar_groups(made(11, 4), 0.5)


def test_blocks_are_consecutive_and_drawn_by_the_seed():
    train, valid, test = block_split([""] * 500, 0.1, 0.2, 3)
    assert sorted(np.concatenate([train, valid, test]).tolist()) == list(range(500))
    assert (len(train), len(valid), len(test)) == (350, 50, 100)
    for part in (train, valid, test):
        assert (part.reshape(-1, 10) == part[::10, None] + np.arange(10)).all()
    assert block_split([""] * 500, 0.1, 0.2, 3)[2].tolist() == test.tolist()
    assert block_split([""] * 500, 0.1, 0.2, 4)[2].tolist() != test.tolist()


def test_groups_stay_whole_and_parts_have_about_their_shares():
    draw = np.random.default_rng(0)
    numbers = draw.integers(0, 60, 400)
    groups = [np.flatnonzero(numbers == number).tolist() for number in range(60)]
    parts = assign_groups(groups, 0.1, 0.1, 0)
    found = [set(numbers[part].tolist()) for part in parts]
    assert sum(map(len, found)) == len(set(numbers.tolist()))
    assert 0.7 * 400 < len(parts[0]) <= 0.8 * 400
