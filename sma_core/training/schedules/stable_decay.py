"""Warm-up, stable, decay (Hu et al. 2024): most of the run at the highest learning rate, then a short decay."""

from __future__ import annotations

import math

DECAY = 0.2
"""Fraction of the steps in which the learning rate decays."""


def stable_decay(step: int, steps: int) -> float:
    """Return the learning-rate factor at ``step`` (from 0): 1, then 1 - sqrt over the last fifth of ``steps``.

    Until the decay it does not depend on ``steps``, so a run that is resumed there can become longer.
    """
    start = steps - math.ceil(DECAY * steps)
    return 1.0 if step <= start else 1.0 - math.sqrt((step - start) / (steps - start))
