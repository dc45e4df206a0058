"""Mapping from characters of a SMILES string to atoms.

An atom is a bracket atom (``[13C@@H+]``) or a symbol of the organic subset: ``B C N O P S F I``, ``Cl``, ``Br``,
``*``, aromatic ``b c n o p s``. Bonds, ring closures (also ``%12`` and ``%(123)``), branches and dots do not
belong to atoms. RDKit numbers atoms in the order of the string if it keeps explicit hydrogens.
"""

from __future__ import annotations

import re

from rdkit import Chem, rdBase

_ATOM = re.compile(r"\[[^\]]*\]|Cl|Br|[BCNOPSFIbcnops*]")
_SYMBOL = re.compile(r"\[?\d*(#\d+|\*|[A-Z][a-z]?|[a-z]{1,2})")


def atom_spans(smiles: str) -> list[tuple[int, int]]:
    """Return the character range (start, end) of each atom, in RDKit's order."""
    return [match.span() for match in _ATOM.finditer(smiles)]


def read_molecule(smiles: str) -> Chem.Mol:
    """Return the molecule, with one atom per range of `atom_spans`; raise `ValueError` if they do not match."""
    options = Chem.SmilesParserParams()
    options.removeHs = False
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles, options)
    if molecule is None or not molecule.GetNumAtoms():
        raise ValueError("RDKit cannot parse the SMILES")
    spans = atom_spans(smiles)
    if len(spans) != molecule.GetNumAtoms():
        raise ValueError(f"RDKit reads {molecule.GetNumAtoms()} atoms, but the text has {len(spans)}")
    for (begin, end), atom in zip(spans, molecule.GetAtoms(), strict=True):
        if not _is_symbol(smiles[begin:end], atom):
            raise ValueError(f"{smiles[begin:end]} does not match RDKit's atom {atom.GetSymbol()}")
    return molecule


def _is_symbol(text: str, atom: Chem.Atom) -> bool:
    """Return whether the text of an atom starts with its symbol, after an optional isotope."""
    match = _SYMBOL.match(text)
    if match is None:
        return False
    if match[1].startswith("#"):
        return bool(int(match[1][1:]) == atom.GetAtomicNum())
    # Aromatic symbols are in lower case.
    return match[1].lower().startswith(str(atom.GetSymbol()).lower())
