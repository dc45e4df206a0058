"""Half a cosine from the highest learning rate to nearly none."""

from __future__ import annotations

import math


def cosine(step: int, steps: int) -> float:
    """Return the factor of the learning rate at a step from 0; it would reach 0 one step after the last."""
    return 0.5 * (1.0 + math.cos(math.pi * min(step / max(steps, 1), 1.0)))
