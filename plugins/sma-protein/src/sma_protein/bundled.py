"""Where the set lies that needs no download."""

from __future__ import annotations

from pathlib import Path


def sample() -> Path:
    """Find the sample of Swiss-Prot, which is part of this plugin."""
    return Path(__file__).parent / "data" / "swissprot_sample.fasta.gz"
