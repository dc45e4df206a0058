"""Constant learning-rate schedule."""

from __future__ import annotations


def constant(step: int, steps: int) -> float:
    """Return 1, the learning-rate factor at every step."""
    return 1.0
