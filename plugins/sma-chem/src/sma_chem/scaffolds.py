"""Splits that keep molecules with the same Bemis-Murcko scaffold together.

A scaffold consists of the ring systems of a molecule and their linkers, without chirality; all molecules without
rings share the empty scaffold. A random split would put similar molecules into training and test, which
overestimates performance. ``scaffold_split`` follows MoleculeNet and DeepChem, ``scaffold_balanced_split`` follows
chemprop; the plugin's README compares them.

A group is the list of rows with the same scaffold, in file order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem.Scaffolds import MurckoScaffold

from sma_core.evaluation.group_splits import assign_groups

Split = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def scaffold(smiles: str) -> str:
    """Return the SMILES of a molecule's scaffold; raise `ValueError` if RDKit cannot parse ``smiles``."""
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise ValueError(f"RDKit cannot parse the SMILES {smiles!r}")
    result: str = MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=False)
    return result


def scaffold_split(texts: Sequence[str], valid: float, test: float, seed: int = 0) -> Split:
    """Assign common scaffolds to training, rarer ones to validation and the rarest to the test set.

    Groups are assigned in order of decreasing size; of groups of equal size, the one that starts later in the file
    comes first. A group is added to training if training stays within its share; else to validation, if training
    and validation together stay within theirs; else to the test set. ``seed`` has no effect.
    """
    train_end = (1.0 - valid - test) * len(texts)
    valid_end = (1.0 - test) * len(texts)
    train: list[int] = []
    validation: list[int] = []
    testing: list[int] = []
    for group in sorted(_groups(texts), key=lambda rows: (len(rows), rows[0]), reverse=True):
        if _fits(len(train) + len(group), train_end):
            train += group
        elif _fits(len(train) + len(validation) + len(group), valid_end):
            validation += group
        else:
            testing += group
    return _arrays(train, validation, testing)


def scaffold_balanced_split(texts: Sequence[str], valid: float, test: float, seed: int = 0) -> Split:
    """Assign scaffolds in random order, for averaging over splits with different seeds.

    Groups larger than half of the validation or test share come before the others; both kinds are shuffled. A
    group is added to the first of training and validation that has room for it, else to the test set.
    """
    return assign_groups(_groups(texts), valid, test, seed)


def _groups(texts: Sequence[str]) -> list[list[int]]:
    """Return the rows of each scaffold, in order of first occurrence."""
    by_scaffold: dict[str, list[int]] = {}
    with rdBase.BlockLogs():
        for row, smiles in enumerate(texts):
            by_scaffold.setdefault(scaffold(smiles), []).append(row)
    return list(by_scaffold.values())


def _fits(rows: int, share: float) -> bool:
    """Return whether ``rows`` is at most ``share``, with a tolerance for rounding of ``share``."""
    return rows <= share + 1e-9


def _arrays(*parts: Iterable[int]) -> Split:
    """Return the row indices of each part as sorted int64 arrays."""
    train, valid, test = (np.array(sorted(part), dtype=np.int64) for part in parts)
    return train, valid, test
