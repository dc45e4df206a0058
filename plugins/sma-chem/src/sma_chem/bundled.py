"""Where the sets lie that need no download."""

from __future__ import annotations

from pathlib import Path


def nci() -> Path:
    """Find the first part of the NCI open database, which every RDKit wheel carries."""
    from rdkit import RDConfig

    return Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"


def freesolv() -> Path:
    """Find FreeSolv, which is part of this plugin."""
    return Path(__file__).parent / "data" / "freesolv.csv.gz"
