"""Scaffold splits: whole, disjoint, by scaffold, and by the rules they follow."""

import csv
import gzip

import numpy as np
import pytest

from sma_chem.bundled import freesolv
from sma_chem.fingerprints import fingerprints, similarity
from sma_chem.scaffolds import scaffold, scaffold_balanced_split, scaffold_split

SPLITS = [scaffold_split, scaffold_balanced_split]


@pytest.fixture(scope="module")
def molecules() -> list[str]:
    with gzip.open(freesolv(), "rt", encoding="utf-8") as file:
        return [row["smiles"] for row in csv.DictReader(file)]


@pytest.mark.parametrize("split", SPLITS)
def test_every_row_is_in_one_part(molecules, split):
    parts = split(molecules, 0.1, 0.1, 0)
    assert all(part.dtype == np.int64 for part in parts)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(molecules)))


@pytest.mark.parametrize("split", SPLITS)
def test_no_scaffold_is_in_two_parts(molecules, split):
    found = [{scaffold(molecules[row]) for row in part} for part in split(molecules, 0.1, 0.1, 3)]
    assert len(found[0] | found[1] | found[2]) == sum(len(part) for part in found)


@pytest.mark.parametrize("split", SPLITS)
def test_parts_are_about_as_large_as_asked(molecules, split):
    train, valid, test = split(molecules, 0.1, 0.1, 0)
    count = len(molecules)
    assert 0.78 * count < len(train) <= 0.8 * count
    assert 0.08 * count < len(valid) <= 0.12 * count
    assert 0.08 * count < len(test) <= 0.12 * count


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_can_be_repeated(molecules, split):
    for one, other in zip(split(molecules, 0.1, 0.1, 5), split(molecules, 0.1, 0.1, 5), strict=True):
        assert np.array_equal(one, other)


def test_the_seed_matters_only_to_the_balanced_split(molecules):
    plain = [scaffold_split(molecules, 0.1, 0.1, seed)[2].tolist() for seed in range(3)]
    balanced = [scaffold_balanced_split(molecules, 0.1, 0.1, seed)[2].tolist() for seed in range(3)]
    assert plain[0] == plain[1] == plain[2]
    assert len({tuple(rows) for rows in balanced}) == 3


def test_large_groups_go_to_training_and_single_ones_to_the_test():
    benzenes = ["c1ccccc1C", "c1ccccc1CC", "c1ccccc1O", "c1ccccc1N", "c1ccccc1Cl", "c1ccccc1F"]
    singles = ["C1CC1", "C1CCC1", "C1CCCC1", "C1CCCCC1"]
    train, valid, test = scaffold_split([*singles, *benzenes], 0.2, 0.1)
    # of the single ones the last in the file goes first
    assert train.tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert valid.tolist() == [1, 2]
    assert test.tolist() == [0]


def test_chirality_and_side_chains_make_no_scaffold():
    assert scaffold("C[C@H]1CC[C@@H](O)CC1") == scaffold("C1CCCCC1") == "C1CCCCC1"
    assert scaffold("CCO") == ""


def test_what_is_no_molecule_is_named():
    with pytest.raises(ValueError, match="c1cccc1"):
        scaffold_split(["CC", "c1cccc1"], 0.1, 0.1)


@pytest.mark.parametrize("split", SPLITS)
def test_exact_shares_fit_in_spite_of_rounding(split):
    rings = ["C1" + "C" * size + "1" for size in range(2, 12)]
    assert [len(part) for part in split(rings, 0.1, 0.1, 0)] == [8, 1, 1]


def test_no_two_molecules_of_different_parts_are_similar(molecules):
    parts = similarity(molecules, 0.1, 0.1, 0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(molecules)))
    has = fingerprints(molecules).toarray().astype(bool)
    for number, part in enumerate(parts):
        for other in parts[number + 1 :]:
            common = has[part].astype(float) @ has[other].T
            union = has[part].sum(axis=1)[:, None] + has[other].sum(axis=1) - common
            assert (common / union).max() < 0.6
