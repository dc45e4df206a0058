"""The highest learning rate to the end."""

from __future__ import annotations


def constant(step: int, steps: int) -> float:
    """Return the factor 1 at every step."""
    return 1.0
