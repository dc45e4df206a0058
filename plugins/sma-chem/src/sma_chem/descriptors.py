"""Reader of SMILES files that computes ten descriptors with RDKit, as labels without measurement error.

From files with more than 20,000 molecules it takes 20,000, evenly spaced. With so many labelled molecules a
comparison sees differences that MoleculeNet's small sets cannot show. The descriptors are standard ones: sizes and
counts that a formula almost determines, and others that depend on the whole structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import QED, Crippen, Descriptors, rdMolDescriptors

from sma_chem.smi import read_smi
from sma_core.data.readers import refuse_columns
from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError

MOST_MOLECULES = 20_000

DESCRIPTORS: Mapping[str, Callable[[Any], float]] = {
    "molecular_weight": Descriptors.MolWt,
    "logp": Crippen.MolLogP,
    "tpsa": rdMolDescriptors.CalcTPSA,
    "donors": rdMolDescriptors.CalcNumHBD,
    "acceptors": rdMolDescriptors.CalcNumHBA,
    "rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds,
    "rings": rdMolDescriptors.CalcNumRings,
    "aromatic_rings": rdMolDescriptors.CalcNumAromaticRings,
    "fraction_sp3": rdMolDescriptors.CalcFractionCSP3,
    "qed": QED.qed,
}
"""Name and function of each descriptor; the names are those of columns."""


def read_descriptors(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield molecules of a SMILES file with the descriptors ``fields``, empty where RDKit cannot parse a molecule.

    Rows have the numbers of `sma_chem.smi.read_smi`. Raises `DataError` when a column of the file or an unknown
    descriptor is requested.
    """
    refuse_columns(path, column, ())
    if unknown := [name for name in fields if name not in DESCRIPTORS]:
        raise DataError(
            f"the reader descriptors does not compute {unknown[0]!r} for {path}: it has {', '.join(DESCRIPTORS)}"
        )
    total = sum(1 for _ in read_smi(path, None, ()))
    with rdBase.BlockLogs():
        for index, record in enumerate(read_smi(path, None, ())):
            if not _is_taken(index, total):
                continue
            if isinstance(record, Row):
                yield Row(record.number, record.text, _described(record.text, fields))
            else:
                yield record


def _is_taken(index: int, total: int) -> bool:
    """Return whether a row is among at most 20,000 evenly spaced ones of ``total``."""
    most = min(MOST_MOLECULES, total)
    return (index + 1) * most // total > index * most // total


def _described(smiles: str, fields: Sequence[str]) -> tuple[str, ...]:
    """Return the descriptors of a molecule as text."""
    molecule = Chem.MolFromSmiles(smiles) if fields else None
    if molecule is None:
        return ("",) * len(fields)
    return tuple(repr(float(DESCRIPTORS[name](molecule))) for name in fields)
