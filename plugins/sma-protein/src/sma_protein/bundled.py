"""Paths of the data sets shipped with the plugin."""

from __future__ import annotations

from pathlib import Path


def sample() -> Path:
    """Return the path of the Swiss-Prot sample."""
    return Path(__file__).parent / "data" / "swissprot_sample.fasta.gz"
