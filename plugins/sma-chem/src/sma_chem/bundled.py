"""Paths of the data sets shipped with the plugin or with RDKit."""

from __future__ import annotations

from pathlib import Path


def nci() -> Path:
    """Return the path of the first part of the NCI open database, which is in every RDKit wheel."""
    from rdkit import RDConfig

    return Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"


def freesolv() -> Path:
    """Return the path of FreeSolv."""
    return Path(__file__).parent / "data" / "freesolv.csv.gz"
