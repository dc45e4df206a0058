"""Splits that keep molecules of one Bemis-Murcko scaffold together.

A scaffold is the ring systems of a molecule and what links them, without chirality; molecules without
rings share the empty one. A random split would put near twins on both sides and flatter the model.
``scaffold_split`` follows the rule of MoleculeNet and DeepChem, ``scaffold_balanced_split`` that of
chemprop; see the plugin's README for what the difference means.

Letters: n rows; a group is the rows of one scaffold, in their order.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem.Scaffolds import MurckoScaffold

Split = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def scaffold(smiles: str) -> str:
    """Return the SMILES of a molecule's Bemis-Murcko scaffold, without chirality."""
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise ValueError(f"RDKit cannot parse the SMILES {smiles!r}")
    found: str = MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=False)
    return found


def scaffold_split(texts: Sequence[str], valid: float, test: float, seed: int = 0) -> Split:
    """Give common scaffolds to training, rarer ones to validation, the rarest to the test.

    Groups go from the largest to the smallest; of two of one size the one that begins later in the
    file goes first. A group joins training while training stays within its share, else validation
    while training and validation together stay within theirs, else the test. ``seed`` has no effect.
    """
    train_end = (1.0 - valid - test) * len(texts)
    valid_end = (1.0 - test) * len(texts)
    train: list[int] = []
    validation: list[int] = []
    rest: list[int] = []
    for group in sorted(_groups(texts), key=lambda rows: (len(rows), rows[0]), reverse=True):
        if _fits(len(train) + len(group), train_end):
            train += group
        elif _fits(len(train) + len(validation) + len(group), valid_end):
            validation += group
        else:
            rest += group
    return _arrays(train, validation, rest)


def scaffold_balanced_split(texts: Sequence[str], valid: float, test: float, seed: int = 0) -> Split:
    """Take scaffolds in an order that ``seed`` decides, so that many different splits can be averaged over.

    Groups larger than half of the validation or the test share come first, the others after them, each
    kind shuffled. A group joins the first of training, validation and test that has room for it; the
    test takes what is left.
    """
    valid_rows, test_rows = valid * len(texts), test * len(texts)
    train_rows = (1.0 - valid - test) * len(texts)
    groups = _groups(texts)
    large = [group for group in groups if len(group) > min(valid_rows, test_rows) / 2]
    small = [group for group in groups if len(group) <= min(valid_rows, test_rows) / 2]
    chance = random.Random(seed)
    chance.shuffle(large)
    chance.shuffle(small)
    train: list[int] = []
    validation: list[int] = []
    rest: list[int] = []
    for group in [*large, *small]:
        if _fits(len(train) + len(group), train_rows):
            train += group
        elif _fits(len(validation) + len(group), valid_rows):
            validation += group
        else:
            rest += group
    return _arrays(train, validation, rest)


def _groups(texts: Sequence[str]) -> list[list[int]]:
    """Rows of each scaffold, in the order in which the scaffolds first occur."""
    by_scaffold: dict[str, list[int]] = {}
    with rdBase.BlockLogs():
        for row, smiles in enumerate(texts):
            by_scaffold.setdefault(scaffold(smiles), []).append(row)
    return list(by_scaffold.values())


def _fits(rows: int, share: float) -> bool:
    """Whether so many rows are within a share; 0.8 * 10 may come out a little under 8."""
    return rows <= share + 1e-9


def _arrays(*parts: Iterable[int]) -> Split:
    """Sorted int64 arrays of row indices."""
    train, valid, test = (np.array(sorted(part), dtype=np.int64) for part in parts)
    return train, valid, test
