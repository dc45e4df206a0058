"""A held-out loss that rises again: the usual sign of a learning rate that is far too high."""

from __future__ import annotations

import math
from collections.abc import Iterable

LARGEST_RISE = 1.25
"""Ratio of the last loss to the lowest one from which `rising_loss` warns."""


def rising_loss(losses: Iterable[tuple[int, float]]) -> str | None:
    """Return a warning if the last of the held-out losses, by step, is far above the lowest; None if it is not."""
    known = [(step, loss) for step, loss in losses if math.isfinite(loss)]
    if not known:
        return None
    step, lowest = min(known, key=lambda item: item[1])
    last = known[-1][1]
    if lowest <= 0 or last < LARGEST_RISE * lowest:
        return None
    return (
        f"the held-out loss under random masks rose from {lowest:.4g} at step {step:,} to {last:.4g}: try a lower "
        "training.learning_rate, a longer training.warmup_steps, or fewer steps"
    )
