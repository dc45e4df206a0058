"""Which characters of a SMILES make which atom.

An atom is a bracket with all that is in it (``[13C@@H+]``), or a symbol that needs none: ``B C N O P S F I``,
``Cl``, ``Br``, ``*``, aromatic ``b c n o p s``. All else belongs to no atom: bonds, ring digits (also ``%12`` and
``%(123)``), branches, dots. RDKit numbers atoms in the order in which they stand, as long as it keeps explicit
hydrogens.
"""

from __future__ import annotations

import re

from rdkit import Chem, rdBase

_ATOM = re.compile(r"\[[^\]]*\]|Cl|Br|[BCNOPSFIbcnops*]")
_SYMBOL = re.compile(r"\[?\d*(#\d+|\*|[A-Z][a-z]?|[a-z]{1,2})")


def atom_spans(smiles: str) -> list[tuple[int, int]]:
    """Return for each atom, in RDKit's order, where its characters begin and end (exclusive)."""
    return [match.span() for match in _ATOM.finditer(smiles)]


def read_molecule(smiles: str) -> Chem.Mol:
    """Return the molecule with an atom for each of `atom_spans`; raises `ValueError` when that cannot be had."""
    options = Chem.SmilesParserParams()
    options.removeHs = False
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles, options)
    if molecule is None or not molecule.GetNumAtoms():
        raise ValueError("RDKit reads no molecule")
    spans = atom_spans(smiles)
    if len(spans) != molecule.GetNumAtoms():
        raise ValueError(f"RDKit reads {molecule.GetNumAtoms()} atoms, the text has {len(spans)}")
    for (begin, end), atom in zip(spans, molecule.GetAtoms(), strict=True):
        if not _is_symbol(smiles[begin:end], atom):
            raise ValueError(f"{smiles[begin:end]} is not {atom.GetSymbol()}")
    return molecule


def _is_symbol(text: str, atom: Chem.Atom) -> bool:
    """Whether the text of an atom begins with its symbol, after an isotope."""
    found = _SYMBOL.match(text)
    if found is None:
        return False
    if found[1].startswith("#"):
        return bool(int(found[1][1:]) == atom.GetAtomicNum())
    # In [nH] and [CH4] the letters behind are no part of the symbol.
    return found[1].lower().startswith(str(atom.GetSymbol()).lower())
