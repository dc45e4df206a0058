"""Cosine learning-rate schedule."""

from __future__ import annotations

import math


def cosine(step: int, steps: int) -> float:
    """Return the learning-rate factor at ``step`` (from 0): half a cosine from 1, reaching 0 at ``steps``."""
    return 0.5 * (1.0 + math.cos(math.pi * min(step / max(steps, 1), 1.0)))
