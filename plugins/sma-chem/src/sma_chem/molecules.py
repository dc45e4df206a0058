"""Check of SMILES strings.

Rows with more than `MOST_ATOMS` atoms or `LONGEST` characters are rejected before RDKit sees them: RDKit needs
minutes, or all memory, for molecules of tens of thousands of atoms. A row is usable if RDKit's ``MolFromSmiles``,
including sanitization (valence, aromaticity), returns a molecule with at least one atom. Every usable row has a
scaffold. RDKit's log is disabled during the check.
"""

from __future__ import annotations

import re

from rdkit import Chem, rdBase

from sma_core.data.records import NOT_UTF8, is_decoded

UNREADABLE = "RDKit cannot parse the SMILES"
NO_MOLECULE = "no molecule"
NO_ATOMS = "no atoms"
SPACE_INSIDE = "white space inside the SMILES"

MOST_ATOMS = 1_000
LONGEST = 10_000
"""Limits of the atoms and characters of a SMILES."""
_EXTENSION = re.compile(r"\s+\|[^|]*\|\s*$")
_ATOM = re.compile(r"\[[^\]]*\]|Cl|Br|[BCNOPSFIbcnops*]")


def too_many_atoms(atoms: int) -> str:
    """Return the reason for a molecule over the limit."""
    return f"too many atoms: {atoms:,} (limit {MOST_ATOMS:,})"


def check_smiles(texts: list[str]) -> list[str | None]:
    """Return for each SMILES the reason why it is unusable, or None."""
    with rdBase.BlockLogs():
        return [_reason(text) for text in texts]


def _reason(smiles: str) -> str | None:
    if len(smiles.split(None, 1)) != 1:  # RDKit accepts a trailing name, but the model would train on it
        return SPACE_INSIDE if smiles.strip() else NO_ATOMS
    if not is_decoded(smiles):
        return NOT_UTF8
    too_large = _too_large(smiles)
    if too_large is not None:
        return too_large
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        return _why_not(smiles)
    return None if molecule.GetNumAtoms() else NO_ATOMS


def _too_large(smiles: str) -> str | None:
    """Return the reason why a SMILES is over the limits, or None."""
    if len(smiles) > LONGEST:
        return f"too long: {len(smiles):,} characters (limit {LONGEST:,})"
    if len(smiles) <= MOST_ATOMS:
        return None
    atoms = sum(1 for _ in _ATOM.finditer(smiles))
    return too_many_atoms(atoms) if atoms > MOST_ATOMS else None


def _why_not(smiles: str) -> str:
    """Return the reason why RDKit rejects a SMILES, by parsing it again without sanitization."""
    molecule = Chem.MolFromSmiles(smiles, sanitize=False)
    if molecule is None:
        return UNREADABLE
    problems = Chem.DetectChemistryProblems(molecule)
    return f"{NO_MOLECULE}: {problems[0].Message()}" if problems else NO_MOLECULE


def canonical_smiles(texts: list[str]) -> list[str]:
    """Return RDKit's canonical SMILES of each SMILES, without a CXSMILES extension.

    One that is no molecule, or over the limits, stays as it is.
    """
    with rdBase.BlockLogs():
        return [_canonical(text) for text in texts]


def _canonical(smiles: str) -> str:
    smiles = _EXTENSION.sub("", smiles)
    usable = len(smiles.split(None, 1)) == 1 and is_decoded(smiles) and _too_large(smiles) is None
    molecule = Chem.MolFromSmiles(smiles) if usable else None
    return Chem.MolToSmiles(molecule) or smiles if molecule is not None else smiles
