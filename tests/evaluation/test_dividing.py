"""Splits."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.errors import DataError
from sma_core.evaluation.label_splits import stratified_split
from sma_core.evaluation.splits import check_split, fault_of_rows, fold_split, random_split

NAN = float("nan")


def test_the_random_split_covers_all_rows_once_and_follows_its_seed():
    texts = [str(number) for number in range(103)]
    first, again, other = (random_split(texts, 0.1, 0.2, seed) for seed in (1, 1, 2))
    assert [len(part) for part in first] == [72, 10, 21]
    assert sorted(np.concatenate(first)) == list(range(103))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[2], other[2])


def parts_of(*parts):
    return tuple(np.array(part, dtype=np.int64) for part in parts)


def test_a_split_without_rows_of_a_part_is_refused():
    with pytest.raises(DataError, match="the 'mine' split of 4 rows leaves no row for validation"):
        check_split(parts_of([0, 1], [], [2]), 4, "mine")


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        (([0, 1], [2], [3]), None),
        (([0, 1], [3], []), None),
        (([0, 1], [1], [2]), "each row once, but row 12 is in train and valid"),
        (([0, 1], [2], [3, 3]), "each row once, but row 14 is in test twice"),
        (([0, 1], [3], [9]), "indices of the 4 rows, from 0 to 3, not 9"),
        (([0, -1], [3], [2]), "indices of the 4 rows, from 0 to 3, not -1"),
    ],
)
def test_a_row_that_is_given_twice_or_does_not_exist_is_named(parts, fault):
    assert fault_of_rows(parts_of(*parts), np.array([11, 12, 13, 14])) == fault


def test_each_row_is_in_the_test_of_one_fold_and_validation_comes_from_the_rest():
    texts = [str(number) for number in range(103)]
    folds = [fold_split(texts, 0.1, 0.1, 7, folds=5, fold=fold) for fold in range(1, 6)]
    assert sorted(np.concatenate([test for _, _, test in folds])) == list(range(103))
    for train, valid, test in folds:
        assert sorted(np.concatenate([train, valid, test])) == list(range(103))
        assert (len(valid), len(test) in (20, 21)) == (10, True)
    assert len({tuple(valid) for _, valid, _ in folds}) == 5
    other = fold_split(texts, 0.1, 0.1, 8, folds=5, fold=1)
    assert not np.array_equal(folds[0][2], other[2])


def stratified(labels: np.ndarray, kind: str, seed: int = 0) -> tuple[np.ndarray, ...]:
    return stratified_split([""] * len(labels), 0.1, 0.2, seed, labels=labels, kind=kind)


def test_every_class_is_in_each_part_in_its_share():
    labels = np.array([0.0] * 70 + [1.0] * 20 + [2.0] * 10)[:, None]
    train, valid, test = stratified(labels, "multiclass")
    counts = [np.bincount(labels[part, 0].astype(int)).tolist() for part in (train, valid, test)]
    assert counts == [[49, 14, 7], [7, 2, 1], [14, 4, 2]]
    again, other = stratified(labels, "multiclass"), stratified(labels, "multiclass", seed=1)
    assert np.array_equal(test, again[2])
    assert not np.array_equal(test, other[2])


def test_a_class_of_one_row_is_for_training():
    labels = np.array([0.0] * 30 + [1.0])[:, None]
    assert all(30 in stratified(labels, "binary", seed)[0] for seed in range(5))


def test_a_regression_is_divided_by_tenths_of_its_first_target():
    values = np.random.default_rng(0).lognormal(size=(200, 2))
    values[:, 1] = 0.0
    values[:20, 0] = NAN
    _, valid, test = stratified(values, "regression")
    known = np.sort(values[20:, 0])
    for part, due in ((valid, 2), (test, 4)):
        assert np.isnan(values[part, 0]).sum() == due
        tenths = np.searchsorted(known, values[part, 0][~np.isnan(values[part, 0])]) // 18
        assert np.abs(np.bincount(tenths, minlength=10) - len(part) * 0.09).max() <= 1


def test_several_labels_are_divided_by_the_first_and_its_gaps():
    labels = np.array([[0.0, 1.0]] * 40 + [[1.0, 0.0]] * 40 + [[NAN, 1.0]] * 20)
    _, _, test = stratified(labels, "multilabel")
    assert np.isnan(labels[test, 0]).sum() == 4
    assert np.nansum(labels[test, 0]) == 8


def test_labels_of_positions_say_nothing_of_rows():
    with pytest.raises(DataError, match=r"per-position labels belong to positions: choose split\.name random"):
        stratified(np.zeros((10, 0)), "per-position")
