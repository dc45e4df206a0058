"""Morgan fingerprints with a linear model and with boosted trees."""

from __future__ import annotations

import numpy as np
import pytest

baselines = pytest.importorskip("sma_chem.baselines", reason="needs sma-chem[bench]")

CHAINS = [f"{'C' * length}{end}" for length in range(1, 31) for end in ("O", "N", "Cl", "c1ccccc1")]
RINGS = np.array([[float("c1" in smiles)] for smiles in CHAINS])


def rows():
    order = np.random.default_rng(0).permutation(len(CHAINS))
    labels = RINGS.copy()
    labels[order[100:]] = np.nan
    return baselines.BaselineRows(CHAINS, labels, "binary", (), np.sort(order[:80]), np.sort(order[80:100]), 0)


def test_fingerprints_tell_molecules_apart_and_not_ways_to_write_one():
    found = baselines.fingerprints(["CCO", "OCC", "CCN"]).toarray()
    assert found.shape == (3, 2048)
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


def test_a_bad_smiles_is_refused():
    with pytest.raises(ValueError, match="'not'"):
        baselines.fingerprints(["CC", "not"])


def test_a_linear_model_sees_rings():
    assert ((baselines.morgan_linear(rows()) > 0.5) == RINGS).all()


def test_boosted_trees_see_rings():
    pytest.importorskip("lightgbm")
    assert np.mean((baselines.morgan_boosted_trees(rows()) > 0.5) == RINGS) > 0.9
