"""Pre-trained models that ship with the plugin, each a folder written by ``sma models pack``."""

from __future__ import annotations

from pathlib import Path


def tiny() -> Path:
    """Return the folder of the model ``physics:tiny``."""
    return Path(__file__).parent / "tiny"
