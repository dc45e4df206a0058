"""Half a cosine, from the full rate to 0 one step after the last (the paper's schedule)."""

from __future__ import annotations

import math


def factor(share: float) -> float:
    """Return the factor of the learning rate after a share of the training."""
    return 0.5 * (1.0 + math.cos(math.pi * share))
