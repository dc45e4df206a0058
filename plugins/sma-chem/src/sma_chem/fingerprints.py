"""Morgan fingerprints of molecules, and a split by their similarity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from scipy import sparse

from sma_core.evaluation.group_splits import similarity_split

RADIUS, BITS = 2, 2048
SIMILAR = 0.6
"""Tanimoto similarity from which two molecules stay in one part."""


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


def similarity(
    texts: Sequence[str], valid: float, test: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Split molecules so that no two of different parts have a Tanimoto similarity of 0.6 or more."""
    return similarity_split(fingerprints(texts), SIMILAR, valid, test, seed)
