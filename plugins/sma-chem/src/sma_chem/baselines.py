"""Baselines for molecules: Morgan fingerprints with a linear model or boosted trees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from scipy import sparse

from sma_bench.baselines import BaselineRows, fit_boosted_trees, fit_linear

RADIUS, BITS = 2, 2048


def fingerprints(smiles: Sequence[str]) -> sparse.csr_matrix:
    """Return binary Morgan fingerprints (n, 2048) of radius 2; raise `ValueError` for an invalid SMILES."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    columns, ends = [], [0]
    for text in smiles:
        molecule = Chem.MolFromSmiles(text)
        if molecule is None:
            raise ValueError(f"RDKit cannot parse the SMILES {text!r}")
        columns.append(np.flatnonzero(generator.GetFingerprintAsNumPy(molecule)))
        ends.append(ends[-1] + len(columns[-1]))
    ones = np.ones(ends[-1], dtype=np.float32)
    return sparse.csr_matrix((ones, np.concatenate(columns), ends), shape=(len(smiles), BITS))


def morgan_linear(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to Morgan fingerprints."""
    return fit_linear(fingerprints([str(text) for text in rows.inputs]), rows)


def morgan_boosted_trees(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit LightGBM to Morgan fingerprints."""
    return fit_boosted_trees(fingerprints([str(text) for text in rows.inputs]), rows)
